import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cpuTicks, descriptorsOf, monitorOf } from '../support/monitor-client.ts';
import { needs, overlay, root } from '../support/needs.ts';
import { expectOk, openTsrun, type Tsrun, until } from '../support/tsrun.ts';

const test = needs(suite('an idle monitor'), root(), overlay());
const MOST_KIB = 64;
const MONITOR = join(import.meta.dirname, '../../native/build/tsrun-monitor');
let tsrun: Tsrun;
test.before(async () => {
  tsrun = await openTsrun();
});
test.after(() => tsrun?.close());

function detach(name: string, script: string, ...flags: string[]): number {
  expectOk(tsrun.run(['run', '-d', '--name', name, ...flags, tsrun.rootfs, 'sh', '-c', script]));
  return monitorOf(tsrun, name);
}

/** Its share of user memory, in KiB. */
const pss = (pid: number): number =>
  Number(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8').match(/^Pss: +(\d+) kB$/m)![1]);
const switches = (pid: number): number =>
  Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(/^voluntary_ctxt_switches:\s+(\d+)$/m)![1]);

test('its program has at most 40 KiB', () => {
  assert.ok(statSync(MONITOR).size <= 40 * 1024, `${statSync(MONITOR).size} bytes`);
});

for (const flags of [[], ['-i'], ['-t'], ['-it']]) {
  test(`run -d ${flags.join('')}: at most ${MOST_KIB} KiB, and it never wakes`, async () => {
    const pid = detach(`idle${flags.join('')}`, 'exec sleep 600', ...flags);
    // Right after the start it may be about to rest, once.
    await until('at most 64 KiB', () => pss(pid) <= MOST_KIB, 3000);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const before = switches(pid);
    await new Promise((resolve) => setTimeout(resolve, 2500));
    assert.is(switches(pid), before);
    assert.ok(pss(pid) <= MOST_KIB, `${pss(pid)} KiB`);
  });
}

for (const flags of [[], ['-t']]) {
  test(`after a burst of 50 MB ${flags.join('')} its memory goes back, and it sleeps`, async () => {
    const script =
      'i=0; line=$(printf "%01000d" 7); while [ $i -lt 50000 ]; do echo $line; i=$((i+1)); done; exec sleep 600';
    const pid = detach(`burst${flags.join('')}`, script, ...flags);
    await until(
      'the end of the burst',
      () => tsrun.run(['exec', `burst${flags.join('')}`, 'cat', '/proc/1/comm']).stdout === 'sleep\n',
      60_000,
    );
    await until(`at most 64 KiB, not ${pss(pid)}`, () => pss(pid) <= MOST_KIB, 5000);
    const before = switches(pid);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    assert.is(switches(pid), before);
  });
}

test('a client that came and went leaves nothing that costs', async () => {
  const pid = detach('visited', 'exec sleep 600', '-i');
  const before = descriptorsOf(pid);
  for (let i = 0; i < 3; i++) {
    const client = tsrun.spawn(['attach', 'visited']);
    await until('it is there', () => descriptorsOf(pid).length > before.length);
    client.child.kill('SIGKILL');
    await client.ended;
    await until('it is gone', () => descriptorsOf(pid).length === before.length);
  }
  const ticks = cpuTicks(pid);
  await until('at most 64 KiB', () => pss(pid) <= MOST_KIB, 5000);
  assert.ok(cpuTicks(pid) - ticks < 5);
});

test.run();
