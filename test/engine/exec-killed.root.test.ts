import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { detectCgroups } from '../../src/cgroup/host.ts';
import { execInContainer, openEngine, type TsrunError } from '../../src/index.ts';
import { Paths as OrdinaryPaths } from '../../src/store/paths.ts';
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

/** Once exec has looked whether the container runs and is not paused, it writes down what it is about to start. */
class Paths extends OrdinaryPaths {
  beforeEntering = () => {};
  override execs(id: string): string {
    this.beforeEntering();
    return super.execs(id);
  }
}

test('killed on its way in: says that the container ended, not that a pid is invalid', async () => {
  await world.tsrun.container('ends', 'echo ready; exec sleep 600');
  const cgroup = cgroupsOf(world.tsrun.inspect('ends', '{{.Id}}')).find((path) =>
    existsSync(join(path, 'cgroup.freeze')),
  )!;
  const members = (): number => readFileSync(join(cgroup, 'cgroup.procs'), 'utf8').trim().split('\n').length;
  const paths = new Paths(world.dataRoot, world.runRoot);
  paths.beforeEntering = () => writeFileSync(join(cgroup, 'cgroup.freeze'), '1');
  const engine = { ...openEngine({ dataRoot: world.dataRoot, runRoot: world.runRoot }), paths };
  const options = { container: 'ends', command: ['true'], env: [], workdir: undefined, user: undefined };
  const flags = { interactive: false, tty: false, detach: false, privileged: false };
  const entering = execInContainer(engine, { ...options, ...flags }, { interactive: false }).then(
    () => assert.unreachable('it was entered'),
    (error: TsrunError) => error,
  );
  await until('it is born, and stands still', () => members() === 2);
  assert.is(world.tsrun.run(['rm', '-f', 'ends']).code, 0);
  const { exitCode, message } = (await entering) as TsrunError;
  assert.equal([exitCode, message], [126, 'exec ends: the container ended before the command was executed']);
});

test.run();
