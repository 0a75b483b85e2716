import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { detectCgroups } from '../../src/cgroup/host.ts';
import { needs, overlay, root } from '../support/needs.ts';
import { until } from '../support/tsrun.ts';
import { cgroupsOf, World } from '../support/world.ts';

const unified = {
  ok: detectCgroups().hierarchies.some(({ version }) => version === 2),
  reason: 'no cgroup v2 hierarchy: only there a process is born in its cgroup',
};
const test = needs(suite('exec in a container that ends'), root(), overlay(), unified);
let world: World;
test.before(async () => {
  world = await World.open();
});
test.after(() => world?.close());

test('killed on its way in: says that the container ended, not that a pid is invalid', async () => {
  await world.tsrun.container('ends', 'echo ready; exec sleep 600');
  const cgroup = cgroupsOf(world.tsrun.inspect('ends', '{{.Id}}')).find((path) =>
    existsSync(join(path, 'cgroup.freeze')),
  )!;
  const members = (): number => readFileSync(join(cgroup, 'cgroup.procs'), 'utf8').trim().split('\n').length;
  const config = join(world.dataRoot, 'containers', world.tsrun.inspect('ends', '{{.Id}}'), 'config.json');
  const text = readFileSync(config);
  rmSync(config);
  execFileSync('mkfifo', [config]);
  const entering = world.tsrun.spawn(['exec', 'ends', 'true']);
  const pipe = await open(config, 'w'); // it reads: it has seen that the container runs, and is not paused
  writeFileSync(join(cgroup, 'cgroup.freeze'), '1');
  await pipe.writeFile(text);
  await pipe.close();
  await until('it is born, and stands still', () => members() === 2);
  assert.is(world.tsrun.run(['rm', '-f', 'ends']).code, 0);
  const { code, stderr } = await entering.ended;
  assert.equal([code, stderr], [126, 'tsrun: exec ends: the container ended before the command was executed\n']);
});

test.run();
