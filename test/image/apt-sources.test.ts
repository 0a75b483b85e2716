import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { oneLine, parseLines, parseStanzas, sourcesForSuite } from '../../src/image/apt-sources.ts';
import { makeDebianRootfs } from '../../src/image/debian-rootfs.ts';

const test = suite('debian sources');

const STANZAS = `# a comment
Types: deb deb-src
URIs: http://one.example/debian
Suites: bookworm bookworm-updates
Components: main
 contrib
Signed-By: /usr/share/keyrings/debian.gpg

Types: deb
URIs: http://one.example/security
Suites: bookworm-security
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc

Enabled: no
Types: deb
URIs: http://off.example/
Suites: bookworm
Components: main
`;

test('deb822 sources become one-line entries', () => {
  assert.equal(parseStanzas(STANZAS).map(oneLine), [
    'deb [signed-by=/usr/share/keyrings/debian.gpg] http://one.example/debian bookworm main contrib',
    'deb [signed-by=/usr/share/keyrings/debian.gpg] http://one.example/debian bookworm-updates main contrib',
    'deb http://one.example/security bookworm-security main',
  ]);
});

test('one-line sources keep their keyring and nothing else of their options', () => {
  const text = `deb [arch=amd64 signed-by=/k.gpg] https://a.example/debian trixie main # why
#deb http://b.example/debian trixie main
deb-src http://c.example/debian trixie main
deb cdrom:[a]/ trixie main
deb http://d.example/flat ./
`;
  assert.equal(parseLines(text).map(oneLine), ['deb [signed-by=/k.gpg] https://a.example/debian trixie main']);
});

test('a suite brings its updates and security, and leaves the archives of others alone', () => {
  const sources = [...parseStanzas(STANZAS), ...parseLines('deb https://vendor.example/apt tools-bookworm main')];
  assert.equal(
    sourcesForSuite(sources, 'bookworm', 'bookworm').map(({ suite: name }) => name),
    ['bookworm', 'bookworm-updates', 'bookworm-security'],
  );
});

test("another suite comes from the own suite's archives", () => {
  const suites = (suite: string, own: string | undefined) =>
    sourcesForSuite(parseStanzas(STANZAS), suite, own).map(({ suite: name }) => name);
  assert.equal(suites('trixie', 'bookworm'), ['trixie', 'trixie-updates', 'trixie-security']);
  assert.equal(suites('sid', 'bookworm'), ['sid']);
  assert.equal(suites('trixie', undefined), []);
});

test('only debian can be asked for, and a suite is a name', async () => {
  for (const from of ['ubuntu', 'debian:', 'debian:--help', 'debian:../x', 'debian:a b', 'Debian']) {
    try {
      await makeDebianRootfs('/nonexistent/dir', from);
      assert.unreachable(from);
    } catch (error) {
      assert.match(String(error), `--from ${from}: not a distribution`);
    }
  }
});

test('without mmdebstrap and debootstrap the hint says what to install', async () => {
  try {
    await makeDebianRootfs('/nonexistent/dir', 'debian:bookworm', { path: '/nonexistent' });
    assert.unreachable();
  } catch (error) {
    assert.is((error as { hint?: string }).hint, 'apt-get install mmdebstrap');
  }
});

test.run();
