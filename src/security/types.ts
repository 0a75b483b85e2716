/**
 * What becomes descriptors 0, 1 and 2 of the command: the slot `terminal`, the container's end of its pseudo-terminal, which becomes
 * the controlling terminal; or the slots `stdin`, `stdout`, `stderr`: pipes of the launcher's, all numbers above 2. Without
 * `interactive`, `stdin` is the null device.
 */
export type Stdio = { kind: 'terminal' } | { kind: 'pipes'; interactive: boolean };
