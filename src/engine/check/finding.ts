/** A process that keeps something from going away. */
export interface Holder {
  pid: number;
  command: string;
}

export type FindingKind =
  | 'monitor' // a tsrun-monitor without a container, or a container without its tsrun-monitor
  | 'mount'
  | 'record' // a container whose record cannot be read, or is not there
  | 'container' // one that a killed command did not finish making or removing
  | 'run' // what a run left that nobody cleaned up after
  | 'volatile'
  | 'name'
  | 'temporary'
  | 'cgroup'
  | 'run-directory'
  | 'socket'
  | 'layer'
  | 'link';

/** Something that tsrun left, or that is not as tsrun left it. */
export interface Finding {
  kind: FindingKind;
  /** A path; for a monitor its /proc directory. */
  where: string;
  /** Id of the container that it belongs or belonged to, when that can be told. */
  container?: string | undefined;
  what: string;
  /** RFC 3339; when it was last changed or began. */
  since?: string | undefined;
  heldBy: readonly Holder[];
  /** What --fix does; undefined: it lets it be, and `advice` says why, or what else can be done. */
  fix?: string | undefined;
  advice?: string | undefined;
  /** Does it. Looks again first, with the locks. @throws TsrunError when it may not, or cannot */
  repair?: (() => void) | undefined;
}

/** Something that is not known to be of this data root and run directory: it is said, and let be. */
export interface Stranger {
  where: string;
  what: string;
  since?: string | undefined;
  heldBy: readonly Holder[];
}

export const keyOf = ({ kind, where, what }: Finding): string => `${kind} ${where} ${what}`;
