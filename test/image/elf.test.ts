import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsrunError } from '../../src/errors/tsrun-error.ts';
import { elfMachine, parseElf, readElf, readShebang } from '../../src/image/elf.ts';
import { LibraryResolver } from '../../src/image/libraries.ts';
import { readLoaderConfig } from '../../src/image/loader-config.ts';
import { exists, needs } from '../support/needs.ts';
import { type MadeElf, makeElf } from './made-elf.ts';

const AARCH64 = 183;
const test = suite<{ dir: string }>('elf');

test.before.each((context) => {
  context.dir = mkdtempSync(join(tmpdir(), 'tsrun-elf-'));
});
test.after.each(({ dir }) => rmSync(dir, { recursive: true }));

function parse(bytes: Buffer, size = bytes.length) {
  const read = (offset: number, length: number) => bytes.subarray(offset, Math.min(offset + length, size));
  return parseElf({ size, read }, 'a file');
}

function put(path: string, what: MadeElf | string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, typeof what === 'string' ? what : makeElf(what));
  chmodSync(path, 0o755);
  return path;
}

function resolved(program: string, configured: string[] = []): string[] {
  return new LibraryResolver(configured).resolve(program).libraries.map(({ path }) => path);
}

test('a program names its loader, its libraries and where to look for them', () => {
  const elf = parse(
    makeElf({ interpreter: '/lib64/loader', needed: ['liba.so', 'libb.so'], rpath: '/a', runpath: '$ORIGIN/l:/b' }),
  );
  assert.equal(elf, {
    machine: 'x86-64',
    interpreter: '/lib64/loader',
    needed: ['liba.so', 'libb.so'],
    rpath: ['/a'],
    runpath: ['$ORIGIN/l', '/b'],
  });
  assert.is(parse(makeElf({ machine: AARCH64 }))?.machine, 'aarch64');
});

test('a static program needs nothing', () => {
  assert.equal(parse(makeElf({})), { machine: 'x86-64', interpreter: undefined, needed: [], rpath: [], runpath: [] });
});

test('a file without the magic is no ELF file, which is no error', () => {
  for (const text of ['', '\x7fEL', '#!/bin/sh\n', 'MZ and more']) assert.is(parse(Buffer.from(text, 'latin1')), null);
});

test('32 bits, big endian and other machines are refused by name', () => {
  const flipped = (at: number, value: number) => {
    const bytes = makeElf({});
    bytes[at] = value;
    return bytes;
  };
  assert.throws(() => parse(flipped(4, 1)), /a file: not a 64-bit little-endian/);
  assert.throws(() => parse(flipped(5, 2)), /not a 64-bit little-endian/);
  assert.throws(() => parse(makeElf({ machine: 243 })), /machine type 243/);
});

test('a file that is cut off anywhere gives our error or a smaller answer, never another error', () => {
  const whole = makeElf({ interpreter: '/lib64/loader', needed: ['liba.so'], runpath: '/b' });
  for (let size = 4; size < whole.length; size++) {
    assert.throws(
      () => parse(whole, size),
      (error: unknown) => error instanceof TsrunError && error.code === 'ENOEXEC',
    );
  }
});

test('any byte may be wrong', () => {
  const whole = makeElf({ interpreter: '/lib64/loader', needed: ['liba.so'], runpath: '/b' });
  for (let at = 0; at < whole.length; at++) {
    for (const value of [0, 1, 0x7f, 0xff]) {
      const bytes = Buffer.from(whole);
      bytes[at] = value;
      try {
        parse(bytes);
      } catch (error) {
        assert.instance(error, TsrunError, `byte ${at} = ${value}: ${error}`);
      }
    }
  }
});

test("this machine's node is read", () => {
  const elf = readElf(process.execPath);
  assert.ok(elf?.interpreter?.includes('ld-'));
  assert.ok(elf?.needed.some((name) => name.startsWith('libc.')));
  assert.is(elfMachine(process.execPath), elf?.machine);
});

test('what is not there or not a file has no machine', ({ dir }) => {
  assert.is(elfMachine(join(dir, 'none')), null);
  assert.is(elfMachine(dir), null);
});

test('a script names its interpreter', ({ dir }) => {
  const shebang = (text: string) => readShebang(put(join(dir, 'script'), text));
  assert.equal(shebang('#!/bin/sh\nexit'), ['/bin/sh']);
  assert.equal(shebang('#! /usr/bin/env  -S node --x \n'), ['/usr/bin/env', '-S node --x']);
  assert.is(shebang('echo'), null);
  assert.is(shebang('#!\n'), null);
});

test('$ORIGIN is the directory of the object that says it', ({ dir }) => {
  const program = put(join(dir, 'bin/p'), { needed: ['liba.so'], runpath: '$ORIGIN/../lib' });
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the loader reads it
  put(join(dir, 'lib/liba.so'), { needed: ['libb.so'], runpath: '${ORIGIN}/deep' });
  put(join(dir, 'lib/deep/libb.so'), {});
  assert.equal(resolved(program), [join(dir, 'bin/../lib/liba.so'), join(dir, 'lib/deep/libb.so')]);
  assert.ok(new LibraryResolver([]).resolve(program).usesOrigin);
});

test("RPATH serves the libraries' libraries, RUNPATH does not", ({ dir }) => {
  put(join(dir, 'lib/liba.so'), { needed: ['libb.so'] });
  put(join(dir, 'lib/libb.so'), {});
  const rpath = put(join(dir, 'rpath'), { needed: ['liba.so'], rpath: join(dir, 'lib') });
  const runpath = put(join(dir, 'runpath'), { needed: ['liba.so'], runpath: join(dir, 'lib') });
  assert.equal(resolved(rpath), [join(dir, 'lib/liba.so'), join(dir, 'lib/libb.so')]);
  assert.throws(() => resolved(runpath), /libraries of .*runpath: libb\.so \(for .*liba\.so\): not found/);
});

test('a library of another machine is passed over', ({ dir }) => {
  const program = put(join(dir, 'p'), { needed: ['liba.so'] });
  put(join(dir, '1/liba.so'), { machine: AARCH64 });
  put(join(dir, '2/liba.so'), 'INPUT(a linker script)');
  put(join(dir, '3/liba.so'), {});
  assert.equal(
    resolved(
      program,
      ['1', '2', '3'].map((name) => join(dir, name)),
    ),
    [join(dir, '3/liba.so')],
  );
});

test('a missing library is told with its program', ({ dir }) => {
  const program = put(join(dir, 'p'), { needed: ['libtsrun-none.so.7'] });
  assert.throws(
    () => resolved(program),
    (error: unknown) =>
      error instanceof TsrunError &&
      error.kind === 'not-found' &&
      error.message.includes(`${program}: libtsrun-none.so.7`),
  );
});

test('libraries that need each other are found once', ({ dir }) => {
  put(join(dir, 'liba.so'), { needed: ['libb.so'] });
  put(join(dir, 'libb.so'), { needed: ['liba.so'] });
  assert.is(resolved(put(join(dir, 'p'), { needed: ['liba.so'] }), [dir]).length, 2);
});

test("ld.so.conf's includes are followed in order, also when they go in circles", ({ dir }) => {
  put(join(dir, 'ld.so.conf'), 'include ld.so.conf.d/*.conf # more\n/last:/colon\nhwcap 1 no\nrelative\n');
  put(join(dir, 'ld.so.conf.d/b.conf'), '/b=libc6\n');
  put(join(dir, 'ld.so.conf.d/a.conf'), '# none\n/a\ninclude ../none.conf\n');
  put(join(dir, 'ld.so.conf.d/c.off'), '/c\n');
  assert.equal(readLoaderConfig(join(dir, 'ld.so.conf')), ['/a', '/b', '/last', '/colon']);
  put(join(dir, 'circle.conf'), 'include circle.conf\n/x\n');
  assert.is(readLoaderConfig(join(dir, 'circle.conf'))[0], '/x');
});

needs(test, exists('/bin/bash'))('the libraries of bash are found, with what libc opens by itself', () => {
  const { libraries, loader } = new LibraryResolver().resolve('/bin/bash');
  assert.ok(loader);
  assert.ok(libraries.some(({ path }) => path.endsWith('/libc.so.6') || path.includes('musl')));
  assert.not(
    libraries.some(({ path }) => path.endsWith(loader)),
    'the loader is no library',
  );
});

test.run();
