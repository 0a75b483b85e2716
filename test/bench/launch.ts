import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeCgroupSteps } from '../../src/cgroup/steps.ts';
import { createContainer } from '../../src/engine/create.ts';
import { AT } from '../../src/kernel/constants.ts';
import { monitorPath } from '../../src/kernel/library.ts';
import { JOB_ATTACHED } from '../../src/kernel/protocol.ts';
import { encode } from '../../src/plan/encode.ts';
import { play } from '../../src/plan/play.ts';
import { type Step, step } from '../../src/plan/step.ts';
import { bundleFrom } from '../../src/runtime/bundle.ts';
import type { ContainerFacts } from '../../src/runtime/container-plan.ts';
import { openDescriptors } from '../../src/runtime/descriptors.ts';
import { writeJob } from '../../src/runtime/job.ts';
import { SOCKET_NAME } from '../../src/runtime/monitor-plan.ts';
import { startPlan } from '../../src/runtime/start-plan.ts';
import { waitForExit } from '../../src/runtime/wait.ts';
import { throughMonitor } from '../../src/runtime/wiring.ts';
import { engineOf, optionsFor } from './inside-process.ts';
import { compileC, type Machine, packageRoot } from './machine.ts';
import { planToC } from './plan-to-c.ts';
import { compared, type Row } from './results.ts';
import { summarize } from './statistics.ts';

const GROUP = 'a launch: from the finished plan to the exec of the command';
const MOST_OF_C = 1.3;
/** Containers of one contestant before the other has its turn. */
const TURN = 5;
const WARM_UP_TURNS = 4;
const STDIO = { kind: 'pipes', interactive: false } as const;
const CLIENT = { attached: true, fed: false };
const FREESTANDING =
  '-nostdlib -ffreestanding -fno-builtin -fno-stack-protector -fno-tree-loop-distribute-patterns -no-pie -Wno-unused-label'.split(
    ' ',
  );
const NATIVE = [
  'ops.c',
  'socket.c',
  'in_root.c',
  'tree.c',
  'clone.c',
  'exit_record.c',
  'run_record.c',
  'exec_record.c',
  'record_event.c',
  'hold.c',
  'text.c',
  'player.c',
];

/** One container's plan, which can be played again and again: the layers stay, the cgroups go with each end. */
interface Subject {
  steps(): Step[];
  after: Step[];
}

function subjectOf(machine: Machine): Subject {
  const engine = engineOf(machine);
  const { record, spec } = createContainer(engine, optionsFor(machine, false));
  const bundle = bundleFrom(engine.paths.container(record.id), spec);
  const cgroupPath = spec.linux?.cgroupsPath ?? '';
  const directory = engine.paths.container(record.id);
  const run = engine.paths.run(record.id);
  mkdirSync(run, { recursive: true });
  const facts: ContainerFacts = {
    id: record.id,
    rootPath: bundle.rootPath,
    overlay: bundle.overlay,
    cgroups: engine.cgroups,
    cgroupPath,
    sourceKind: (path) => (statSync(path).isDirectory() ? 'directory' : 'file'),
    stdio: STDIO,
    client: CLIENT,
    monitor: { directory, run, log: { maxSize: 0, maxFiles: 0 } },
    init: false,
    restarts: false,
    checked: false,
    recordSteps: [],
  };
  return {
    steps: () => startPlan(spec, bundle.command, facts, monitorPath()),
    after: [...removeCgroupSteps(engine.cgroups, cgroupPath), forgetSocket(run)],
  };
}

const forgetSocket = (run: string): Step =>
  step('unlinkat', { dirfd: AT.AT_FDCWD, pathname: `${run}/${SOCKET_NAME}`, flags: 0 }, 'for the next one', {
    ignoreErrors: true,
  });

interface Times {
  /** From the list of steps on. */
  whole: number;
  /** From the first system call on. */
  played: number;
}

async function launchHere({ steps, after }: Subject): Promise<Times> {
  const plan = steps();
  const { given, ends, job, closeTheirs } = openDescriptors('bench', throughMonitor(STDIO, CLIENT), {
    reaper: false,
    null: false,
  });
  writeJob(job, { after: encode(after), flags: JOB_ATTACHED });
  const lock = openSync('/dev/null', 'r');
  const begun = performance.now();
  const played = play('bench', plan, { ...given, lock });
  const whole = performance.now() - begun;
  closeTheirs();
  closeSync(lock);
  await waitForExit({ ...ends, monitor: played.value('monitor') });
  return { whole, played: played.durationNs / 1e6 };
}

/** The same plan as straight-line C, and the file with what its monitor has to do. */
function compileLauncher(machine: Machine, { steps, after }: Subject): () => number[] {
  const { given, job, closeAll } = openDescriptors('bench', throughMonitor(STDIO, CLIENT), {
    reaper: false,
    null: false,
  });
  writeJob(job, { after: encode(after), flags: JOB_ATTACHED });
  const jobFile = join(machine.scratch, 'job');
  writeFileSync(jobFile, readFileSync(`/proc/self/fd/${job}`));
  const names = Object.keys(given); // closing empties it
  closeAll();
  const header = join(machine.scratch, 'launch-plan.h');
  writeFileSync(header, planToC(steps(), [...names, 'lock']));
  const native = NATIVE.map((name) => join(packageRoot, 'native', name));
  const flags = [...FREESTANDING, `-I${join(packageRoot, 'native')}`, `-DLAUNCH_PLAN="${header}"`];
  const program = compileC(machine, 'launch', ['launch.c', ...native], flags);
  return () =>
    execFileSync(program, [jobFile, String(TURN)], { encoding: 'utf8', timeout: 30_000 })
      .trim()
      .split('\n')
      .map((ns) => Number(ns) / 1e6);
}

export async function measureLaunch(machine: Machine, runs: number): Promise<Row[]> {
  const subject = subjectOf(machine);
  const launchInC = compileLauncher(machine, subject);
  const inC: number[] = [];
  const here: Times[] = [];
  for (let turn = 0; turn < WARM_UP_TURNS + runs / TURN; turn++) {
    const times = launchInC();
    const ours: Times[] = [];
    for (let i = 0; i < TURN; i++) ours.push(await launchHere(subject));
    if (turn < WARM_UP_TURNS) continue;
    inC.push(...times);
    here.push(...ours);
  }
  const base: Row = { group: GROUP, name: 'the same system calls in C', ...summarize(inC) };
  const row = (name: string, values: number[]): Row => ({ group: GROUP, name, ...summarize(values) });
  return [
    base,
    compared(
      row(
        'tsrun, the plan encoded and played',
        here.map(({ whole }) => whole),
      ),
      base,
      MOST_OF_C,
    ),
    compared(
      row(
        'of it the playing',
        here.map(({ played }) => played),
      ),
      base,
    ),
  ];
}
