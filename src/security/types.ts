/**
 * What becomes descriptors 0, 1 and 2 of the command, by the slots that the launcher gives, all numbers above 2:
 * `terminal`, the container's end of its pseudo-terminal, which becomes the controlling terminal;
 * `stdin`, `stdout`, `stderr`: pipes, without `interactive` an empty `stdin`; or, detached, the null device three times.
 */
export type Stdio = { kind: 'terminal' } | { kind: 'pipes'; interactive: boolean } | { kind: 'null' };

/** Which of 0, 1 and 2 are pipes: the rest is the host's null device, which must be proven to be it, and never be changed. */
export function pipesOf(stdio: Stdio): readonly number[] {
  if (stdio.kind !== 'pipes') return [];
  return stdio.interactive ? [0, 1, 2] : [1, 2];
}
