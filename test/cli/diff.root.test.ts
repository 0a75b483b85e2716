import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { kernel, needs, overlay, root, tool } from '../support/needs.ts';
import { expectOk, openTsrun, type Tsrun } from '../support/tsrun.ts';

const test = needs(suite('diff'), root(), overlay());
let tsrun: Tsrun;
/** A root directory of our own to put things into, beside the programs. */
let rootfs: string;

test.before(async () => {
  tsrun = await openTsrun();
  rootfs = join(tsrun.directory, 'rootfs');
  execFileSync('cp', ['-a', tsrun.rootfs, rootfs]);
  mkdirSync(join(rootfs, 'lower/deep/deeper'), { recursive: true });
  for (const name of ['a', 'b', 'c.txt', 'deep/x', 'deep/y', 'deep/deeper/z'])
    writeFileSync(join(rootfs, 'lower', name), `content of ${name}\n`);
  mkdirSync(join(rootfs, 'opt'), { recursive: true });
  symlinkSync('/lower', join(rootfs, 'link'));
});
test.after(() => tsrun.close());

/** The lines of `diff` after a script has run in a container. */
function diffOf(name: string, script: string, ...flags: string[]): string[] {
  expectOk(tsrun.run(['run', '--name', name, rootfs, 'sh', '-ec', script]));
  return lines(name, ...flags);
}
function lines(name: string, ...flags: string[]): string[] {
  return expectOk(tsrun.run(['diff', ...flags, name]))
    .split('\n')
    .filter(Boolean);
}

test('nothing was written', () => {
  assert.equal(diffOf('nothing', 'true'), []);
  assert.equal(diffOf('touched-nothing', 'rm -f /none; mkdir /t; rm -r /t'), []);
});

test('added, changed and deleted, as docker lists them', () => {
  const script = 'echo >/new; rm /lower/a; mkdir /lower/deep/zz; rm -rf /opt; mkdir /opt; echo more >>/lower/b';
  assert.equal(diffOf('usual', script), [
    'C /lower',
    'D /lower/a',
    'C /lower/b',
    'C /lower/deep',
    'A /lower/deep/zz',
    'A /new',
  ]);
});

test('of a deleted directory only itself; one made again in its place lacks what was in it', () => {
  assert.equal(diffOf('gone', 'rm -rf /lower/deep'), ['C /lower', 'D /lower/deep']);
  const again = 'rm -rf /lower/deep; mkdir -p /lower/deep/deeper; echo new >/lower/deep/x';
  assert.equal(diffOf('opaque', again), [
    'C /lower',
    'C /lower/deep',
    'C /lower/deep/deeper',
    'D /lower/deep/deeper/z',
    'C /lower/deep/x',
    'D /lower/deep/y',
  ]);
});

test('a file where a directory was, and the other way round', () => {
  assert.equal(diffOf('swapped', 'rm -rf /lower/deep /lower/a; echo >/lower/deep; mkdir /lower/a; echo >/lower/a/in'), [
    'C /lower',
    'C /lower/a',
    'A /lower/a/in',
    'C /lower/deep',
    'D /lower/deep/deeper',
    'D /lower/deep/x',
    'D /lower/deep/y',
  ]);
});

test('mode and owner count, a mere copy up does not', () => {
  assert.equal(diffOf('chmod', 'chmod 700 /lower/deep; chmod 755 /lower/a'), [
    'C /lower',
    'C /lower/a',
    'C /lower/deep',
  ]);
  assert.equal(diffOf('copied-up', ': <>/lower/a'), []);
});

test('sorted by the bytes of the path', () => {
  assert.equal(diffOf('sorted', 'mkdir /s; echo >/s/b; echo >/s.a; echo >/s-a; echo >/S'), [
    'A /S',
    'A /s',
    'A /s-a',
    'A /s.a',
    'A /s/b',
  ]);
});

test('names that are no UTF-8 or steer the terminal are kept apart and shown harmlessly', () => {
  const script =
    'mkdir /n; echo >"/n/$(printf "a\\377b")"; echo >"/n/$(printf "\\303\\244")"; echo >"/n/$(printf "\\033[2J")"';
  assert.equal(diffOf('names', script), ['A /n', 'A /n/\\x1b[2J', 'A /n/a\\xffb', 'A /n/ä']);
});

test('a link in the layers is not followed', () => {
  // Were `link` followed in the lower layer, /link/a would be a change of /lower/a.
  assert.equal(diffOf('links', 'rm /link; mkdir /link; echo >/link/a; ln -s /etc /e; ln -sf b /lower/b'), [
    'A /e',
    'C /link',
    'A /link/a',
    'C /lower',
    'C /lower/b',
  ]);
});

test('the files that are bound over and the init layer are not listed', () => {
  assert.equal(diffOf('bound', 'echo x >>/etc/hosts; cat /.dockerenv'), []);
  assert.equal(diffOf('unmarked', 'rm /.dockerenv'), ['D /.dockerenv']);
});

test('--stat counts bytes', () => {
  const script = 'printf 12345 >/new; rm /lower/a; rm -r /lower/deep; printf 123 >>/lower/b';
  assert.equal(diffOf('stat', script, '--stat'), [
    'C      /lower',
    'D -13B /lower/a',
    'C  +3B /lower/b',
    'D -61B /lower/deep',
    'A  +5B /new',
    '1 added, 2 changed, 2 deleted, +8B, -74B',
  ]);
  assert.equal(diffOf('grown', 'printf 1 >/new', '--stat'), ['A +1B /new', '1 added, 0 changed, 0 deleted, +1B, -0B']);
});

const withAttributes = needs(test, tool('python3'));
const upperOf = (name: string) => tsrun.inspect(name, '{{.GraphDriver.Data.UpperDir}}');
const mark = (path: string, name: string, value: string) =>
  execFileSync('python3', [
    '-c',
    'import os, sys; os.setxattr(sys.argv[1], sys.argv[2], sys.argv[3].encode())',
    path,
    name,
    value,
  ]);

needs(withAttributes, kernel(6, 7))('whiteouts that are attributes, as the kernel reads them', () => {
  diffOf('attributes', 'for f in a b; do cat /lower/$f >/dev/null 2>&1 && echo has $f || echo no $f; done');
  const upper = upperOf('attributes');
  mkdirSync(join(upper, 'lower'));
  for (const name of ['a', 'b']) closeSync(openSync(join(upper, 'lower', name), 'w'));
  mark(join(upper, 'lower'), 'trusted.overlay.opaque', 'x');
  mark(join(upper, 'lower', 'a'), 'trusted.overlay.whiteout', 'y');
  assert.equal(lines('attributes'), ['C /lower', 'D /lower/a', 'C /lower/b']);
  assert.is(expectOk(tsrun.run(['start', '-a', 'attributes'])), 'no a\nhas b\n');
});

withAttributes('redirects and metacopies of another kernel’s making are no crash', () => {
  diffOf('foreign', 'mkdir /d; echo >/f');
  mark(join(upperOf('foreign'), 'd'), 'trusted.overlay.redirect', '/lower');
  mark(join(upperOf('foreign'), 'f'), 'trusted.overlay.metacopy', 'y');
  assert.equal(lines('foreign'), ['A /d', 'A /f']);
});

test('very deep directories: not the stack of Node’s is their end', () => {
  const script = 'i=0; while [ $i -lt 1500 ]; do mkdir d; cd d; i=$((i+1)); done';
  assert.is(diffOf('deep', script).length, 1500);
});

test('an unknown container', () => {
  const { code, stderr } = tsrun.run(['diff', 'nope']);
  assert.is(code, 1);
  assert.match(stderr, /No such container: nope/);
});

/** A container that does the lines it is sent, one by one. */
async function obedient(name: string) {
  const script = 'echo ready; while read -r line; do eval "$line"; echo "did $line"; done';
  const container = tsrun.spawn(['run', '-i', '--name', name, rootfs, 'sh', '-c', script]);
  await container.waitFor('ready');
  const watch = tsrun.spawn(['diff', '--watch', name]);
  await watch.waitFor('watching', 'stderr');
  const act = async (line: string) => {
    container.child.stdin?.write(`${line}\n`);
    await container.waitFor(`did ${line}\n`);
  };
  return { container, watch, act };
}

test('--watch tells of each write, also below new directories, and ends with the container', async () => {
  const { container, watch, act } = await obedient('watched');
  const tells = async (line: string, text: string) => {
    await act(line);
    await watch.waitFor(text);
  };
  await tells('echo 1 >/first', 'A /first\n');
  await tells('mkdir -p /x/y/z && echo 1 >/x/y/z/deep', 'A /x/y/z/deep\n');
  await tells('echo 2 >>/x/y/z/deep; echo >/mark1', 'A /mark1\n');
  await watch.waitFor(/(A \/x\/y\/z\/deep\n[\s\S]*){2}/);
  await tells('echo more >>/lower/b', 'C /lower/b\n');
  await tells('echo more >>/lower/b; echo >/mark2', 'A /mark2\n');
  await watch.waitFor(/(C \/lower\/b\n[\s\S]*){2}/);
  await tells('rm /lower/a', 'D /lower/a\n');
  await tells('rm -r /lower/deep; mkdir /lower/deep', 'D /lower/deep/x\n');
  await tells('rm /first', 'D /first\n');
  container.child.stdin?.end();
  assert.is((await container.ended).code, 0);
  assert.is((await watch.ended).code, 0);
});

test('--watch says nothing of what did not change', async () => {
  const { container, watch, act } = await obedient('quiet');
  await act('cat /lower/b >/dev/null; ls /lower; [ -e /none ]; true');
  await act('echo 1 >/once');
  await watch.waitFor('A /once\n');
  container.child.stdin?.end();
  await container.ended;
  assert.is((await watch.ended).code, 0);
  assert.is(watch.stdout(), 'A /once\n');
});

test('--watch ends with the container, and tells of its last words; --rm is no deletion', async () => {
  const flags = ['-i', '--rm'];
  const container = await tsrun.container(
    'last',
    'echo ready; read -r l; echo >/before; exec sh -c "echo >/after"',
    flags,
  );
  const watch = tsrun.spawn(['diff', '--watch', 'last']);
  await watch.waitFor('watching', 'stderr');
  container.child.stdin?.write('\n');
  await container.ended;
  assert.is((await watch.ended).code, 0);
  assert.not.match(watch.stdout(), /^D/m);
});

test('--watch is interrupted', async () => {
  const { watch } = await obedient('interrupted');
  watch.child.kill('SIGINT');
  assert.is((await watch.ended).code, 0);
  assert.is(tsrun.run(['diff', '--watch', 'nothing']).code, 1);
});

test.run();
