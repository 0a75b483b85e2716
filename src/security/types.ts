/** What becomes descriptors 0, 1 and 2 of the command. The numbers are the launcher's, all above 2. */
export type Stdio =
  /** The slot of the container's end of its pseudo-terminal, which becomes the controlling terminal. */
  | { kind: 'terminal'; slot: string }
  /** Pipes; without `interactive`, `in` is the null device. */
  | { kind: 'pipes'; interactive: boolean; in: number; out: number; err: number };
