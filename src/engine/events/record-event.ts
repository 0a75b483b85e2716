import { AT, O } from '../../kernel/constants.ts';
import { slot } from '../../plan/arguments.ts';
import { play } from '../../plan/play.ts';
import { type Step, step } from '../../plan/step.ts';
import type { ContainerRecord } from '../../store/record.ts';
import type { Engine } from '../engine.ts';

/** Docker's words for what happened to a container. No `detach`: its own client leaves by itself, too, and dockerd hears of no keys. */
export type EventAction =
  | 'create'
  | 'attach'
  | 'start'
  | 'restart'
  | 'kill'
  | 'stop'
  | 'pause'
  | 'unpause'
  | 'rename'
  | 'prune'
  | 'oom'
  | 'die'
  | 'destroy'
  | `exec_create: ${string}`
  | `exec_start: ${string}`
  | 'exec_die'
  | `health_status: ${string}`;

/** What Docker says of some events besides the container's labels, image and name: `signal`, `oldName`, `execID`. */
export type EventAttributes = Readonly<Record<string, string>>;

/** Whom it happens to: a container, of which nothing is known but the id when its record is damaged. */
type Subject = Pick<ContainerRecord, 'id'> & Partial<ContainerRecord>;

/** What an event that a monitor records is told of (native/abi.h, OP_RECORD_EVENT). */
interface AtTheEnd {
  /** 1: the exit code is one of its attributes. More: it began then, ns since 1970, and how many seconds it ran is another. */
  ended?: number | bigint;
  /** Only if the kernel has killed something in this cgroup for want of memory. */
  memoryEvents?: string;
}

const VERSION = 1;
const SLOT = 'renamed';

/** A record of ours whose labels somebody has damaged has none. */
function labelsOf({ options }: Subject): Record<string, string> {
  const { labels } = (options ?? {}) as { labels?: unknown };
  return Array.isArray(labels) ? Object.fromEntries(labels.filter(Array.isArray)) : {};
}

function attributesOf(subject: Subject): Record<string, string> {
  return { ...labelsOf(subject), image: subject.rootfs ?? '', name: subject.name ?? '' };
}

/** The line up to its last attributes: the player knows the rest when it comes to it. */
function headOf(record: Subject | undefined, action: EventAction, more: EventAttributes | undefined): string {
  const id = record?.id ?? '';
  const word = JSON.stringify(action);
  const attributes = JSON.stringify(record === undefined ? more : { ...attributesOf(record), ...more });
  const subject = `"id":"${id}","from":${JSON.stringify(record?.rootfs ?? '')},"Type":"container"`;
  return `{"v":${VERSION},"status":${word},${subject},"Action":${word},"Actor":{"ID":"${id}","Attributes":${attributes.slice(0, -1)}`;
}

/** Appends an event to the file of events. It never fails: the run directory may have gone with a reboot. */
export function eventStep(
  { paths }: Engine,
  record: Subject | undefined,
  action: EventAction,
  more?: EventAttributes,
): Step {
  return eventStepOf(paths.events, -1, headOf(record, action, more), action, {});
}

function eventStepOf(
  pathname: string,
  renamed: number | ReturnType<typeof slot>,
  head: string,
  action: EventAction,
  { ended = 0, memoryEvents }: AtTheEnd,
): Step {
  const file = { dirfd: AT.AT_FDCWD, pathname, head, ended, renamed, memory_events: memoryEvents ?? null };
  return step('record_event', file, `tell who asks: ${action}`, { ignoreErrors: true });
}

/** For who tells the end of a run: the name that the container has by then. Before the first `endStep`, while there is a container. */
export function openNameStep({ paths }: Engine, { id }: ContainerRecord): Step {
  const link = {
    dirfd: AT.AT_FDCWD,
    pathname: paths.newName(id),
    flags: O.O_PATH | O.O_NOFOLLOW | O.O_CLOEXEC,
    mode: 0,
  };
  return step('openat', link, 'its name, if it is another by now', { save: SLOT, ignoreErrors: true });
}

/** As `eventStep`, for a tape that is played when the run is over, which may be years from now. */
export function endStep(
  { paths }: Engine,
  record: ContainerRecord,
  action: EventAction,
  end: AtTheEnd,
  more?: EventAttributes,
): Step {
  return eventStepOf(paths.events, slot(SLOT), headOf(record, action, more), action, end);
}

/**
 * For commands without a plan of their own. Never fails: what cannot be written down has happened all the same.
 * @param record undefined for what happened to no one container; then there are attributes
 */
export function recordEvent(
  engine: Engine,
  record: Subject | undefined,
  action: EventAction,
  more?: EventAttributes,
): void {
  try {
    play(`record that it was: ${action}`, [eventStep(engine, record, action, more)]);
  } catch {
    // a tape that could not be made: there is no memory left
  }
}
