import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cgroupUsage } from '../../src/cgroup/usage.ts';
import { cgroup, needs, overlay, root, tool } from '../support/needs.ts';
import { openTsrun, type Tsrun } from '../support/tsrun.ts';

const test = needs(suite('top and stats'), root(), overlay());
let tsrun: Tsrun;

test.before(async () => {
  tsrun = await openTsrun();
  await tsrun.container('busy', 'sleep 600 & echo ready; while :; do :; done');
  const { ended } = await tsrun.container('over', 'echo ready');
  await ended;
});
test.after(() => tsrun?.close());

const rows = (text: string): string[][] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => line.trim().split(/ {2,}/));

needs(test, tool('ps'))('top lists the container’s processes, and no other', () => {
  const [titles, ...processes] = rows(tsrun.run(['top', 'busy']).stdout);
  assert.equal(titles, ['UID', 'PID', 'PPID', 'C', 'STIME', 'TTY', 'TIME', 'CMD']);
  assert.equal(
    processes.map((row) => row.at(-1)),
    ['sh -c sleep 600 & echo ready; while :; do :; done', 'sleep 600'],
  );
  assert.is(processes[0]?.[1], tsrun.inspect('busy', '{{.State.Pid}}'));
});

needs(test, tool('ps'))('top hands its other words to ps', () => {
  assert.equal(
    rows(tsrun.run(['top', 'busy', '-o', 'comm,pid']).stdout).map(([name]) => name),
    ['COMMAND', 'sh', 'sleep'],
  );
  assert.equal(tsrun.run(['top', 'busy', '-o', 'comm']), {
    code: 1,
    stdout: '',
    stderr: 'tsrun: top busy: no column PID in what ps prints\nhint: let it print one: -o pid,…\n',
  });
  const { code, stderr } = tsrun.run(['top', 'busy', '--no-such-option']);
  assert.is(code, 1);
  assert.match(stderr, /^tsrun: top busy: ps: error: /);
});

test('top of what does not run', () => {
  const { code, stderr } = tsrun.run(['top', 'over']);
  assert.is(code, 1);
  assert.match(stderr, /^tsrun: top over: container [0-9a-f]{64} is not running\n$/);
  assert.match(tsrun.run(['top', 'nobody']).stderr, 'No such container: nobody');
});

const counted = needs(test, cgroup('memory'), cgroup('pids'));

counted('stats shows those that run, in docker’s columns', () => {
  const [titles, ...lines] = rows(tsrun.run(['stats', '--no-stream']).stdout);
  assert.equal(titles, ['CONTAINER ID', 'NAME', 'CPU %', 'MEM USAGE / LIMIT', 'MEM %', 'NET I/O', 'BLOCK I/O', 'PIDS']);
  assert.is(lines.length, 1);
  const [id, name, cpu, memory, , network, , pids] = lines[0]!;
  assert.equal([id, name, network, pids], [tsrun.inspect('busy', '{{slice .Id 0 12}}'), 'busy', '0B / 0B', '2']);
  assert.ok(Number.parseFloat(cpu!) > 5, `an endless loop takes ${cpu}`);
  assert.match(memory!, /^[1-9][0-9.]*[KM]iB \/ [0-9.]+[MGT]iB$/);
});

counted('stats of what is named, or of all', () => {
  const all = tsrun.run(['stats', '--no-stream', '-a', '--no-trunc', '--format', '{{.ID}} {{.Name}} {{.PIDs}}']).stdout;
  assert.equal(
    all
      .trim()
      .split('\n')
      .toSorted((a, b) => a.localeCompare(b)),
    [`${tsrun.inspect('busy', '{{.Id}}')} busy 2`, `${tsrun.inspect('over', '{{.Id}}')} over 0`].toSorted((a, b) =>
      a.localeCompare(b),
    ),
  );
  const one = JSON.parse(tsrun.run(['stats', '--no-stream', '--format', 'json', 'over']).stdout);
  assert.equal([one.Name, one.CPUPerc, one.MemUsage, one.MemPerc], ['over', '0.00%', '0B / 0B', '0.00%']);
  assert.match(tsrun.run(['stats', '--no-stream', 'nobody']).stderr, 'No such container: nobody');
});

counted('stats goes on until it is ended, and sees the container end', async () => {
  const stats = tsrun.spawn(['stats', '--format', '{{.Name}} {{.PIDs}};', 'busy']);
  await stats.waitFor(/(busy 2;\n){2}/);
  assert.is(tsrun.run(['kill', 'busy']).code, 0);
  await stats.waitFor('busy 0;');
  stats.child.kill('SIGINT');
  assert.is((await stats.ended).code, 130);
});

test('without a controller nothing is counted', () => {
  assert.equal(cgroupUsage({ mode: 'none', hierarchies: [] }, '/tsrun-none'), {
    cpuNs: 0,
    memory: 0,
    memoryLimit: Number.POSITIVE_INFINITY,
    processes: 0,
    bytesRead: 0,
    bytesWritten: 0,
  });
});

test.run();
