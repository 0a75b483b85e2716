/**
 * What becomes descriptors 0, 1 and 2 of the command, by the slots that the launcher gives, all numbers above 2:
 * `terminal`, the container's end of its pseudo-terminal, which becomes the controlling terminal;
 * `stdin`, `stdout`, `stderr`: pipes; `null`: a null device of the container's own, in the place of the streams that have none.
 */
export type Stdio = { kind: 'terminal' } | { kind: 'pipes'; interactive: boolean } | { kind: 'null' };

/** Which of 0, 1 and 2 are pipes: the rest is the null device, which must be proven to be it. */
export function pipesOf(stdio: Stdio): readonly number[] {
  if (stdio.kind !== 'pipes') return [];
  return stdio.interactive ? [0, 1, 2] : [1, 2];
}
