import type { ContainerEvent } from '../../engine/events/event.ts';
import { TsrunError } from '../../errors/tsrun-error.ts';
import { escapeControl } from './escape-control.ts';
import { compareText } from './template/value.ts';
import { compileTemplate, TypedMap } from './template.ts';

const FIELDS = 'Action, Actor.ID, Actor.Attributes.NAME, From, ID, Scope, Status, Time, TimeNano, Type';
/** What docker exits with for a template that is none. */
const BAD_TEMPLATE = 64;
const NS = 1_000_000_000n;

const pad = (value: bigint | number, digits: number): string => String(value).padStart(digits, '0');

/** RFC 3339 in the reader's zone, with all nine digits: times below each other line up. */
export function localTime(ns: bigint): string {
  const ms = Number(ns / 1_000_000n);
  const minutes = -new Date(ms).getTimezoneOffset();
  const clock = new Date(ms + minutes * 60_000).toISOString().slice(0, 19);
  const zone = `${minutes < 0 ? '-' : '+'}${pad(Math.floor(Math.abs(minutes) / 60), 2)}:${pad(Math.abs(minutes) % 60, 2)}`;
  return `${clock}.${pad(ns % NS, 9)}${minutes === 0 ? 'Z' : zone}`;
}

/** `2026-11-23T14:32:00.123456789Z container start <id> (image=…, name=…)`; what a label holds must not steer the terminal. */
export function eventLine({ timeNano, Type, Action, Actor: { ID, Attributes } }: ContainerEvent): string {
  const list = Object.keys(Attributes).sort(compareText);
  const shown = list.map((name) => `${name}=${Attributes[name]}`).join(', ');
  return escapeControl(`${localTime(timeNano)} ${Type} ${Action} ${ID}${shown === '' ? '' : ` (${shown})`}`);
}

/** As docker's client has it: JSON's own names, and those of Go, which are found by name and not printed. */
function shapeOf({ status, id, from, Type, Action, Actor, scope, time, timeNano }: ContainerEvent): object {
  const attributes = new TypedMap(Actor.Attributes, '');
  const json = { Type, Action, Actor: { ID: Actor.ID, Attributes: attributes }, scope, time, timeNano };
  const older = { status, id, from };
  const given = Object.entries(older).filter(([, value]) => value !== '');
  const names = { Status: status, ID: id, From: from, Scope: scope, Time: time, TimeNano: timeNano };
  const hidden = Object.entries(names).map(([name, value]) => [name, { value }] as const);
  return Object.defineProperties({ ...Object.fromEntries(given), ...json }, Object.fromEntries(hidden));
}

const NOTHING: ContainerEvent = {
  status: '',
  id: '',
  from: '',
  Type: '',
  Action: '',
  Actor: { ID: '', Attributes: {} },
  scope: '',
  time: 0,
  timeNano: 0n,
};

/**
 * A Go template for events; tried at once, because the first event may be long in coming.
 * @throws TsrunError 'usage' with docker's words and exit code
 */
export function eventTemplate(format: string): (event: ContainerEvent) => string {
  try {
    const show = compileTemplate(format);
    show(shapeOf(NOTHING));
    return (event) => show(shapeOf(event));
  } catch (error) {
    if (!(error instanceof TsrunError)) throw error;
    const message = error.message.replace(/^template parsing error: /, 'Error parsing format: ');
    throw new TsrunError('usage', message, { exitCode: BAD_TEMPLATE, hint: `the fields are ${FIELDS}` });
  }
}
