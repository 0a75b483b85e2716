import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { lookupUser } from '../../src/engine/lookup-user.ts';
import { failure } from './options/tables.ts';

const test = suite('engine/lookup-user');

const passwd = Buffer.from(
  [
    'root:x:0:0:root:/root:/bin/sh',
    'toor:x:0:0:other root:/toor:/bin/sh',
    'web:x:1000:1001:Web:/home/web:/bin/sh',
    'web:x:6666:6666:second entry:/evil:/bin/sh',
    '1234:x:7:7:digits for a name:/seven:/bin/sh',
    'bare:x:8:8',
    'relative:x:9:9::home:/bin/sh',
    '# comment:x:10:10::/c:',
    '+nis:x:11:11::/n:',
    'crlf:x:12:12::/crlf:/bin/sh\r',
  ].join('\n'),
);
const group = Buffer.from(
  'root:x:0:root\nwheel:x:10:root,web\nweb:x:1001:\naudio:x:29:web,,other\nbad:x:zero:web\nnone:x:\n',
);

const ROOT = { uid: 0, gid: 0, home: '/root', username: 'root' };
const found: Array<[spec: string, expected: object]> = [
  ['', { ...ROOT, additionalGids: [0, 10] }],
  ['root', { ...ROOT, additionalGids: [0, 10] }],
  ['0', { ...ROOT, additionalGids: [0, 10] }],
  // runc asks passwd by uid: the home is the first entry's, the memberships are those of the name
  ['toor', { uid: 0, gid: 0, home: '/root', username: 'toor', additionalGids: [0] }],
  ['web', { uid: 1000, gid: 1001, home: '/home/web', username: 'web', additionalGids: [1001, 10, 29] }],
  ['1000', { uid: 1000, gid: 1001, home: '/home/web', username: 'web', additionalGids: [1001, 10, 29] }],
  ['01000', { uid: 1000, gid: 1001, home: '/home/web', username: 'web', additionalGids: [1001, 10, 29] }],
  ['web:wheel', { uid: 1000, gid: 10, home: '/home/web', username: 'web', additionalGids: [10] }],
  ['web:5', { uid: 1000, gid: 5, home: '/home/web', username: 'web', additionalGids: [5] }],
  ['web:', { uid: 1000, gid: 1001, home: '/home/web', username: 'web', additionalGids: [1001, 10, 29] }],
  [':audio', { ...ROOT, gid: 29, additionalGids: [29] }],
  ['4242', { uid: 4242, gid: 0, home: '/', username: undefined, additionalGids: [0] }],
  ['4242:43', { uid: 4242, gid: 43, home: '/', username: undefined, additionalGids: [43] }],
  ['1234', { uid: 1234, gid: 0, home: '/', username: undefined, additionalGids: [0] }],
  ['bare', { uid: 8, gid: 8, home: '/', username: 'bare', additionalGids: [8] }],
  ['relative', { uid: 9, gid: 9, home: '/', username: 'relative', additionalGids: [9] }],
  ['crlf', { uid: 12, gid: 12, home: '/crlf', username: 'crlf', additionalGids: [12] }],
  ['2147483647', { uid: 2147483647, gid: 0, home: '/', username: undefined, additionalGids: [0] }],
];

for (const [spec, expected] of found) {
  test(`finds ${JSON.stringify(spec)}`, () => assert.equal(lookupUser(spec, passwd, group), expected));
}

test('a root without passwd and group: numbers work, names do not', () => {
  assert.equal(lookupUser('', null, null), { uid: 0, gid: 0, home: '/', username: undefined, additionalGids: [0] });
  assert.equal(lookupUser('5:6', null, null), { uid: 5, gid: 6, home: '/', username: undefined, additionalGids: [6] });
  assert.is(
    failure(() => lookupUser('web', null, null)).message,
    'unable to find user web: no matching entries in passwd file',
  );
  assert.is(
    failure(() => lookupUser('5:web', null, null)).message,
    'unable to find group web: no matching entries in group file',
  );
});

test('unknown names are not found', () => {
  for (const spec of ['nobody', 'nis', '# comment'.slice(2), '5:nogroup', '5:bad', '5:none']) {
    assert.is(failure(() => lookupUser(spec, passwd, group)).kind, 'not-found', spec);
  }
});

test('user lookup, CVE-2024-40635: an id that wraps to 0 is refused, on the command line and in the files', () => {
  for (const spec of ['2147483648', '4294967295', '4294967296', '18446744073709551616', '0:4294967296']) {
    assert.match(failure(() => lookupUser(spec, passwd, group)).message, /must be in range 0-2147483647/);
  }
  const wraps = Buffer.from(
    'a:x:4294967296:0::/:\nb:x:0x0:0::/:\nc:x:-0:0::/:\nd:x::0::/:\ne:x: 0:0::/:\nf:x:1:4294967296::/:\n',
  );
  for (const name of 'abcdef') assert.is(failure(() => lookupUser(name, wraps, null)).kind, 'not-found', name);
  assert.is(failure(() => lookupUser('1:g', null, Buffer.from('g:x:4294967296:\n'))).kind, 'not-found');
});

test('user lookup: a name or a home with control characters is no entry', () => {
  const hostile = Buffer.from('ev\u001bil:x:0:0::/:\nhome:x:5:5::/a\u0007b:\n');
  assert.is(failure(() => lookupUser('ev', hostile, null)).kind, 'not-found');
  assert.is(lookupUser('home', hostile, null).home, '/');
  assert.is(failure(() => lookupUser('ev\u001bil', hostile, null)).kind, 'usage');
});

test('resource: more groups than setgroups(2) takes', () => {
  const many = Buffer.from(Array.from({ length: 65537 }, (_, gid) => `g${gid}:x:${gid + 1}:root\n`).join(''));
  assert.match(failure(() => lookupUser('root', passwd, many)).message, /more than 65536 groups/);
});

test.run();
