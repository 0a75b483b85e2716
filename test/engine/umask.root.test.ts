import { mkdtempSync, promises, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openEngine, run } from '../../src/index.ts';
import { needs, overlay, root } from '../support/needs.ts';
import { openTsrun, type Tsrun } from '../support/tsrun.ts';

const test = needs(suite('the umask of a program'), root(), overlay());
let tsrun: Tsrun;
let umask = 0;
test.before(async () => {
  tsrun = await openTsrun();
  umask = process.umask(0o077);
});
test.after(async () => {
  process.umask(umask);
  await tsrun?.close();
});

const FILES = 40;

test('run() leaves it alone: what other threads write meanwhile has the mode that it should', async () => {
  const engine = openEngine({ dataRoot: tsrun.dataRoot, runRoot: tsrun.runRoot });
  const directory = mkdtempSync(join(tmpdir(), 'tsrun-umask-'));
  const modes = new Set<number>();
  for (let round = 0; round < 6; round++) {
    const paths = Array.from({ length: FILES }, (_, i) => join(directory, `${round}-${i}`));
    const written = paths.map((path) => promises.writeFile(path, 'x'));
    const live = run(engine, { rootfs: tsrun.rootfs, command: ['true'] });
    await Promise.all(written);
    for (const path of paths) modes.add(statSync(path).mode & 0o777);
    assert.is(await live.exited, 0);
    await live[Symbol.asyncDispose]();
  }
  rmSync(directory, { recursive: true });
  assert.equal([...modes], [0o600]);
});

test('and the container’s own files have theirs', async () => {
  const engine = openEngine({ dataRoot: tsrun.dataRoot, runRoot: tsrun.runRoot });
  const script = 'stat -c "%a %n" / /dev /etc /etc/hosts /etc/hostname /etc/resolv.conf /.tsrunenv /.dockerenv';
  const live = run(engine, { rootfs: tsrun.rootfs, command: ['sh', '-c', script], user: '1000' });
  let text = '';
  for await (const chunk of live.stdout) text += chunk;
  await live[Symbol.asyncDispose]();
  const expected = ['755 /', '755 /dev', '755 /etc', '644 /etc/hosts', '644 /etc/hostname', '644 /etc/resolv.conf'];
  assert.is(text, `${[...expected, '644 /.tsrunenv', '755 /.dockerenv'].join('\n')}\n`);
});

test.run();
