import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { CgroupLayout } from '../../src/cgroup/types.ts';
import { encode } from '../../src/plan/encode.ts';
import { type PlanJson, planToJson, renderPlan } from '../../src/plan/render.ts';
import { golden } from '../engine/golden.ts';
import { type GoldenRun, goldenRun, LAYOUTS } from './golden-run.ts';

const test = suite('plans');
let run: GoldenRun;
test.before(() => {
  run = goldenRun();
});
test.after(() => run.remove());

const CONFIGURATIONS: [name: string, words: string, layout?: CgroupLayout][] = [
  ['plain', ''],
  ['rm', '--rm'],
  ['interactive', '-it'],
  ['stdin', '-i'],
  ['init', '--init'],
  ['read-only', '--read-only'],
  ['volumes', '-v /nowhere/rw:/rw -v /nowhere/ro:/a/ro:ro -v /nowhere/shared:/s:rshared'],
  [
    'mounts',
    '--mount type=bind,src=/nowhere/x,dst=/x,ro,bind-propagation=rprivate,bind-recursive=readonly --mount type=tmpfs,dst=/t,tmpfs-size=1m',
  ],
  ['tmpfs', '--tmpfs /tmp:rw,exec,size=16m,mode=1777'],
  ['network-none', '--network none'],
  ['privileged', '--privileged'],
  ['user', '-u 1000:1000'],
  ['cap-drop', '--cap-drop ALL'],
  ['ulimit', '--ulimit nofile=1024:2048 --ulimit core=-1'],
  ['workdir', '-w /srv/app'],
  ['hostname', '-h box -e GREETING=hello'],
  ['entrypoint', '--entrypoint /bin/env'],
  ['cgroup-v1', '', LAYOUTS.v1],
  ['cgroup-hybrid', '', LAYOUTS.hybrid],
  ['cgroup-none-privileged', '--privileged', LAYOUTS.none],
  ['cgroup-v1-privileged', '--privileged', LAYOUTS.v1],
];

const wordsOf = (words: string): string[] => words.split(' ').filter(Boolean);

for (const [name, words, layout] of CONFIGURATIONS) {
  test(`${name}: ${words}`, () => {
    golden(`plans/${name}.txt`, run.normalise(renderPlan(run.plan(wordsOf(words), layout))));
  });
}

test('a plan is the same twice', () => {
  const once = () => run.normalise(renderPlan(run.plan(['-it', '--privileged'])));
  assert.is(once(), once());
});

for (const [name, words, layout] of CONFIGURATIONS) {
  test(`${name} fits on a tape, and every slot that is read was filled`, () => {
    const steps = run.plan(wordsOf(words), layout);
    encode(steps);
    const known = new Set(['job', 'control', 'lock', 'stdin', 'stdout', 'stderr', 'launcher', 'reaper']);
    for (const { call, save } of flat(planToJson(steps))) {
      for (const read of slotsOf(call)) assert.ok(known.has(read), `${call}: ${read} is not there yet`);
      if (save !== undefined) known.add(save);
      for (const [, name] of call.matchAll(/pidfd=&(\w+)/g)) known.add(name!);
    }
  });
}

/** Names of slots in a rendered call: words that are no text, no flag and no number. */
function slotsOf(call: string): string[] {
  const bare = call.replace(/"(\\.|[^"\\])*"/g, '""').replace(/\{[^}]*\}|\[[^\]]*\]/g, '');
  const words = bare.slice(bare.indexOf('(')).match(/[A-Za-z_0-9']+/g) ?? [];
  return words.filter((word) => /^[a-z]+'?$/.test(word));
}

function flat(plan: readonly PlanJson[]): PlanJson[] {
  return plan.flatMap((one) => [one, ...flat(one.child ?? [])]);
}

test.run();
