import { appendFileSync } from 'node:fs';

/** A line as native/record_event.c writes it. */
export function eventLine(
  action: string,
  attributes: Record<string, string> = {},
  timeNano = 1_795_444_323_123_456_789n,
): string {
  const word = JSON.stringify(action);
  const subject = `"id":"${'0'.repeat(63)}1","from":"/srv/root","Type":"container"`;
  const all = { image: '/srv/root', name: 'web', ...attributes };
  const actor = `{"ID":"${'0'.repeat(63)}1","Attributes":${JSON.stringify(all)}}`;
  const time = `"scope":"local","time":${timeNano / 1_000_000_000n},"timeNano":${timeNano}`;
  return `{"v":1,"status":${word},${subject},"Action":${word},"Actor":${actor},${time}}\n`;
}

export function append(path: string, ...actions: string[]): void {
  appendFileSync(path, actions.map((action) => eventLine(action)).join(''));
}
