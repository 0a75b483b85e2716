import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RLIMIT } from '../../src/kernel/constants.ts';
import { bootId, boundingSet, isAlive, limitsOf, processBirth } from '../../src/kernel/procfs.ts';
import { linux, needs } from '../support/needs.ts';

const test = needs(suite('procfs'), linux());
const shell = (script: string): string => execFileSync('sh', ['-c', script], { encoding: 'utf8' }).trim();
const DEADLINE_MS = 10_000;

/** Asks again until it holds. */
async function eventually(what: string, holds: () => boolean): Promise<void> {
  const end = Date.now() + DEADLINE_MS;
  while (!holds()) {
    assert.ok(Date.now() < end, `not in ${DEADLINE_MS} ms: ${what}`);
    await pause(5);
  }
}

async function endOf(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

test('the boot id is what the kernel says, and stays', () => {
  assert.match(bootId(), /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  assert.is(bootId(), shell('cat /proc/sys/kernel/random/boot_id'));
});

test('the birth of this process is field 22', () => {
  const birth = processBirth(process.pid);
  assert.is(birth?.startTime, shell(`sed 's/.*) //' /proc/${process.pid}/stat | cut -d ' ' -f 20`));
  assert.ok(isAlive(process.pid, birth?.startTime ?? '', bootId()));
});

test('another birth or another boot is another process', () => {
  const { startTime } = processBirth(process.pid)!;
  assert.not(isAlive(process.pid, `${Number(startTime) + 1}`, bootId()));
  assert.not(isAlive(process.pid, startTime, '00000000-0000-0000-0000-000000000000'));
});

test('a command whose name holds parentheses, spaces and numbers', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tsrun-procfs-'));
  const name = 'a) Z 1 (2';
  symlinkSync(shell('command -v sleep'), join(directory, name));
  const child = spawn(join(directory, name), ['60'], { stdio: 'ignore' });
  try {
    const { pid } = child;
    assert.ok(pid !== undefined);
    await eventually('the program runs', () => shell(`cat /proc/${pid}/comm`) === name);
    const birth = processBirth(pid);
    assert.match(birth?.state ?? '', /^[SRD]$/);
    assert.ok(isAlive(pid, birth?.startTime ?? '', bootId()));
  } finally {
    await endOf(child);
    rmSync(directory, { recursive: true });
  }
});

test('what has ended is not alive, whether its parent has noticed or not', async () => {
  // The parent becomes sleep, which never waits for its child.
  const parent = spawn('sh', ['-c', 'sleep 60 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const [text] = (await once(parent.stdout!, 'data')) as [Buffer];
    const pid = Number(text.toString());
    await eventually('its parent has become sleep', () => readlinkSync(`/proc/${parent.pid}/exe`).includes('sleep'));
    const { startTime } = processBirth(pid)!;
    process.kill(pid, 'SIGKILL');
    await eventually('it is a zombie', () => processBirth(pid)?.state === 'Z');
    assert.not(isAlive(pid, startTime, bootId()));
  } finally {
    await endOf(parent);
  }
  assert.is(processBirth(parent.pid!), undefined);
  assert.is(processBirth(0x7fffffff), undefined);
});

test('the bounding set is the kernel’s', () => {
  assert.is(boundingSet(), BigInt(`0x${shell("sed -n 's/^CapBnd:[[:space:]]*//p' /proc/self/status")}`));
});

test('limits: every one that the kernel has, with its two values', () => {
  const limits = limitsOf('self');
  assert.equal(
    [...limits.keys()].sort(),
    Object.keys(RLIMIT)
      .map((name) => `RLIMIT_${name.toUpperCase()}`)
      .sort(),
  );
  const number = (text: string): number => (text === 'unlimited' ? Number.POSITIVE_INFINITY : Number(text));
  const { soft, hard } = limits.get('RLIMIT_NOFILE')!;
  // Node raises its own soft limit; a child is given it.
  assert.equal([soft, hard], shell('ulimit -Sn; ulimit -Hn').split('\n').map(number));
  const core = limits.get('RLIMIT_CORE')!;
  const blocks = number(shell('ulimit -Hc'));
  assert.ok(core.hard === blocks || Math.floor(core.hard / 512) === blocks);
});

test.run();
