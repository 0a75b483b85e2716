import { closeSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AF, AT, O, SOCK } from '../../src/kernel/constants.ts';
import { monitorPath } from '../../src/kernel/library.ts';
import { CONTROL, FD_CONTROL, FD_JOB } from '../../src/kernel/protocol.ts';
import { slot } from '../../src/plan/arguments.ts';
import { encode } from '../../src/plan/encode.ts';
import { play } from '../../src/plan/play.ts';
import { type Step, step } from '../../src/plan/step.ts';
import { becomeSteps } from '../../src/runtime/become.ts';
import { nextMessageSync } from '../../src/runtime/control.ts';
import { writeJob } from '../../src/runtime/job.ts';
import { reap } from '../../src/runtime/wait.ts';
import { linux, needs } from '../support/needs.ts';
import { until } from '../support/tsrun.ts';

const test = needs(suite('entering that fails late'), linux());
const directory = mkdtempSync(join(tmpdir(), 'tsrun-enter-'));
test.after(() => rmSync(directory, { recursive: true }));

const FD_ALIVE = 10;
const cloned = (child: Step[], save: string): Step =>
  step('clone', { flags: 0, child, cgroup: null, pidfd: null }, save, { save });

/** What a `tsrun-monitor enter` with that tape says first. */
function enter(steps: Step[], alive: number): { type: number; value: number } | undefined {
  const sv = { bytes: Buffer.alloc(8), shown: '[a, b]' };
  const type = SOCK.SOCK_STREAM | SOCK.SOCK_CLOEXEC;
  const pair = play('pair', [step('socketpair', { domain: AF.AF_UNIX, type, protocol: 0, sv }, 'control')]).bytes(sv);
  const [ours, control] = [pair.readInt32LE(0), pair.readInt32LE(4)];
  const job = openSync(join(directory, 'job'), 'w+');
  const tape = encode(steps, { alive: FD_ALIVE });
  writeJob(job, { enter: { tape, pid: 'pid', pidfd: 'pidfd' }, flags: 0 });
  const places = { job: FD_JOB, control: FD_CONTROL, alive: FD_ALIVE };
  const become = becomeSteps({ path: monitorPath() }, ['enter'], places);
  const monitor = play('start', [cloned(become, 'monitor')], { job, control, alive }).value('monitor');
  for (const fd of [control, job, alive]) closeSync(fd);
  const word = nextMessageSync(ours);
  closeSync(ours);
  reap(monitor);
  return word;
}

test('the command that executes already ends with it: nobody is told of it', async () => {
  // It has a fifo open for writing; without a writer, reading says that it has ended.
  const fifo = { dirfd: AT.AT_FDCWD, pathname: join(directory, 'alive'), mode: 0o010600, dev: 0 };
  play('fifo', [step('mknodat', fifo, 'a fifo')]);
  const reader = openSync(fifo.pathname, O.O_NONBLOCK);
  const sleep = [
    step('dup3', { oldfd: slot('alive'), newfd: 9, flags: 0 }, 'alive'),
    step('execve', { pathname: '/bin/sh', argv: ['sh', '-c', 'exec sleep 600'], envp: [] }, 'the command'),
  ];
  const word = enter(
    [cloned(sleep, 'pid'), step('fail_at', { errno: 24 }, 'no descriptor is left')],
    openSync(fifo.pathname, O.O_WRONLY),
  );
  assert.is(word?.type, CONTROL.failed);
  await until('its end', () => {
    try {
      return readSync(reader, Buffer.alloc(1)) === 0;
    } catch {
      return false; // EAGAIN: somebody could still write
    }
  });
  closeSync(reader);
});

test.run();
