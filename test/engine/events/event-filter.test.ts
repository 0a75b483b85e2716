import { suite, type Test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseEvent } from '../../../src/engine/events/event.ts';
import { parseEventFilter } from '../../../src/engine/events/event-filter.ts';
import { refuses } from '../options/tables.ts';
import { eventLine } from './event-line.ts';

const EVENTS = [
  eventLine('create', { name: 'web1', stage: 'test', tier: '1' }),
  eventLine('start', { name: 'web1', stage: 'test', tier: '1' }),
  eventLine('exec_create: sh -c true', { name: 'web2', execID: 'e' }),
  eventLine('exec_die', { name: 'web2', execID: 'e', exitCode: '0' }),
  eventLine('die', { name: 'db', stage: '', exitCode: '1', image: '/srv/db' }),
].map((line) => parseEvent(line.trimEnd())!);

/** What is left of them, by number. */
const ROWS: readonly [filters: string[], left: number[]][] = [
  [[], [0, 1, 2, 3, 4]],
  [['container=web1'], [0, 1]],
  [['container=web'], [0, 1, 2, 3]],
  [['container=eb1'], []],
  [
    ['container=web2', 'container=db'],
    [2, 3, 4],
  ],
  [[`container=${'0'.repeat(12)}`], [0, 1, 2, 3, 4]],
  [['event=start'], [1]],
  [['event=sta'], []],
  [['event=exec_create'], [2]],
  [['event=exec_create: sh -c true'], [2]],
  [['event=exec_d'], []],
  [
    ['event=exec_create', 'event=die'],
    [2, 4],
  ],
  [['event=start', 'event=die', 'container=db'], [4]],
  [['image=/srv/root'], [0, 1, 2, 3]],
  [['image=/srv'], []],
  [['label=stage'], [0, 1, 4]],
  [['label=stage=test'], [0, 1]],
  [['label=stage=test', 'label=tier=2'], []],
  [
    ['label=stage', 'label=tier=1'],
    [0, 1],
  ],
  [['label=exitCode=1'], [4]],
  [['label=constructor'], []],
  [['type=container'], [0, 1, 2, 3, 4]],
  [['type=network'], []],
  [['scope=local'], [0, 1, 2, 3, 4]],
  [['scope=swarm'], []],
  [['EVENT=start'], [1]],
  [['event= start'], [1]],
];

const test = suite('events -f');
for (const [filters, left] of ROWS)
  test(filters.join(' '), () => {
    const matches = parseEventFilter(filters);
    assert.equal(
      EVENTS.flatMap((event, i) => (matches(event) ? [i] : [])),
      left,
    );
  });
refuses(test as unknown as Test, (text) => parseEventFilter([text]), [
  ['event', "invalid filter 'event': bad format of filter (expected name=value)"],
  ['', "invalid filter '': bad format of filter (expected name=value)"],
  ['color=red', "invalid filter 'color'"],
]);
test.run();
