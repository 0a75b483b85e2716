/** What happened to a container, as Docker's API has it. `status`, `id` and `from` are what older programs look for. */
export interface ContainerEvent {
  status: string;
  id: string;
  from: string;
  Type: string;
  /** `start`; some tell more behind a colon: `exec_create: sh -c true`. */
  Action: string;
  Actor: { ID: string; Attributes: Record<string, string> };
  scope: string;
  /** Seconds since 1970. */
  time: number;
  /** ns since 1970: more digits than a number has. */
  timeNano: bigint;
}

/** Every line begins with it, and no text in a line can hold it: there its quotes have backslashes in front. */
const BEGINNING = '{"v":1,';

/**
 * One line of the file of events. undefined for what is none: torn by a full disk, or of another version. What stands in front of an
 * event was torn, and it was appended to that.
 */
export function parseEvent(line: string): ContainerEvent | undefined {
  const at = line.lastIndexOf(BEGINNING);
  if (at < 0) return undefined;
  const text = line.slice(at);
  try {
    return eventOf(JSON.parse(text) as Record<string, unknown>, /"timeNano":([0-9]{1,19})\}$/.exec(text)?.[1]);
  } catch {
    return undefined;
  }
}

const texts = (...values: unknown[]): boolean => values.every((value) => typeof value === 'string');

function eventOf(value: Record<string, unknown>, nano: string | undefined): ContainerEvent | undefined {
  const { status, id, from, Type, Action, Actor, scope, time } = value as unknown as ContainerEvent;
  const { ID, Attributes } = Actor;
  const whole =
    texts(status, id, from, Type, Action, ID, scope, ...Object.values(Attributes)) && typeof time === 'number';
  if (!whole || nano === undefined) return undefined;
  return { status, id, from, Type, Action, Actor: { ID, Attributes }, scope, time, timeNano: BigInt(nano) };
}
