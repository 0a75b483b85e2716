import { existsSync, readdirSync, rmSync, truncateSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildStrike, type Call, strike } from '../faults/strike.ts';
import { arch, linux, needs, overlay, root, tool } from '../support/needs.ts';
import { SystemCheck } from '../support/system-check.ts';
import { expectOk, PATIENCE_MS } from '../support/tsrun.ts';

const test = needs(
  suite('rm that is killed at work on the layer'),
  linux(),
  arch('x64'),
  root(),
  overlay(),
  tool('cc'),
);
let system: SystemCheck;
let program: string;

test.before(async () => {
  system = await SystemCheck.open();
  program = buildStrike(system.tsrun.directory);
});
test.after(() => system?.close());

const FILES = ['a', 'b', 'c'];

/** One that has ended and left three files, and where they are. */
function written(): { id: string; layer: string } {
  const { tsrun } = system;
  expectOk(tsrun.run(['run', '--name', 'half', tsrun.rootfs, 'sh', '-c', 'echo 1 >/a; echo 2 >/b; echo 3 >/c']));
  return { id: system.id('half'), layer: system.layer('half') };
}

let known: Call[] | undefined;

/** The calls of `rm half` that move the layer and take away what is in it. */
async function callsAtTheLayer(): Promise<Call[]> {
  if (known !== undefined) return known;
  written();
  const { calls } = await strike(system.tsrun, program, ['rm', 'half'], { action: 'list', patienceMs: PATIENCE_MS });
  const moved = calls.findIndex(({ name, detail }) => name === 'renameat2' && detail.includes('/overlay2/'));
  assert.ok(moved >= 0, 'it is moved aside');
  known = [calls[moved]!, ...calls.slice(moved).filter(({ name }) => name === 'unlinkat')].slice(0, 8);
  return known;
}

test('the container is whole, or dead: no command takes what is left for a container', async () => {
  const { tsrun } = system;
  const seen = new Set<string>();
  for (const call of await callsAtTheLayer()) {
    const { layer } = written();
    const point = { role: call.role, name: call.name, nth: call.nth };
    const struck = await strike(tsrun, program, ['rm', 'half'], { point, action: 'kill:all', patienceMs: PATIENCE_MS });
    assert.ok(struck.killed, `${call.name} ${call.nth}`);
    await struck.left();
    const status = tsrun.inspect('half', '{{.State.Status}} {{.State.Dead}}');
    seen.add(status);
    if (existsSync(layer)) {
      assert.is(status, 'exited false');
      assert.equal(readdirSync(join(layer, 'diff')), FILES);
      assert.is(expectOk(tsrun.run(['diff', 'half'])), 'A /a\nA /b\nA /c\n');
    } else assert.is(status, 'dead true', `${call.name} ${call.nth}`);
    expectOk(tsrun.run(['rm', 'half']));
    assert.equal(
      readdirSync(dirname(layer)).filter((name) => layer.endsWith(name.slice(0, 64))),
      [],
    );
  }
  assert.equal([...seen], ['exited false', 'dead true']);
  system.isClean();
});

/** `rm` killed at the second file. */
async function halfRemoved(): Promise<{ id: string; layer: string }> {
  const point = (await callsAtTheLayer()).filter(({ name }) => name === 'unlinkat')[3]!;
  const made = written();
  const struck = await strike(system.tsrun, program, ['rm', 'half'], {
    point,
    action: 'kill:all',
    patienceMs: PATIENCE_MS,
  });
  await struck.left();
  assert.ok(existsSync(`${made.layer}-removing`) && !existsSync(made.layer));
  return made;
}

test('what is said of it, and who takes the rest away', async () => {
  const { tsrun } = system;
  const ways: [string, (id: string) => void][] = [
    ['rm -f', () => expectOk(tsrun.run(['rm', '-f', 'half']))],
    ['prune', () => expectOk(tsrun.run(['container', 'prune', '-f']))],
    ['who wants the name', () => expectOk(tsrun.run(['run', '--rm', '--name', 'half', tsrun.rootfs, 'true']))],
    ['system check --fix', (id) => system.isFixed(`container ${system.short(system.directory(id))}`)],
  ];
  for (const [way, sweep] of ways) {
    const { id, layer } = await halfRemoved();
    assert.match(
      expectOk(tsrun.run(['ps', '-a', '--format', '{{.Names}} {{.Status}} {{.State}}'])),
      /^half Dead dead$/m,
    );
    for (const verb of ['start', 'restart']) {
      const { code, stderr } = tsrun.run([verb, 'half']);
      assert.is(code, 1);
      assert.match(stderr, 'the container was being removed: nothing that it wrote is left\nhint: tsrun rm half');
    }
    sweep(id);
    assert.not.ok(existsSync(`${layer}-removing`), way);
    assert.not.ok(tsrun.ids().includes(id), way);
    system.isClean();
  }
});

test('its record is damaged, or gone: the layer that was set aside goes, too', async () => {
  const { tsrun } = system;
  const hurt = await halfRemoved();
  truncateSync(join(system.directory(hurt.id), 'container.json'), 0);
  expectOk(tsrun.run(['rm', '-f', hurt.id]));
  system.isClean();
  const lost = await halfRemoved();
  rmSync(system.directory(lost.id), { recursive: true });
  rmSync(system.nameLink('half'));
  system.isFixed(/^layer data\/overlay2\//);
  assert.equal(
    readdirSync(dirname(lost.layer)).filter((name) => name.endsWith('-removing')),
    [],
  );
});

test.run();
