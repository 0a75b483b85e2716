import { suite, type Test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseAddHost } from '../../../src/engine/options/parse-add-host.ts';
import { parseCapability } from '../../../src/engine/options/parse-caps.ts';
import { parseDnsOption, parseDnsSearch, parseDnsServer } from '../../../src/engine/options/parse-dns.ts';
import { parseHostname } from '../../../src/engine/options/parse-hostname.ts';
import { parseLabel } from '../../../src/engine/options/parse-label.ts';
import { parseContainerReference, parseName } from '../../../src/engine/options/parse-name.ts';
import { parseNetwork } from '../../../src/engine/options/parse-network.ts';
import { parseSignal } from '../../../src/engine/options/parse-signal.ts';
import { parseSize } from '../../../src/engine/options/parse-size.ts';
import { parseUlimit } from '../../../src/engine/options/parse-ulimit.ts';
import { parseUser } from '../../../src/engine/options/parse-user.ts';
import { parseWorkdir } from '../../../src/engine/options/parse-workdir.ts';
import { failure, reads, refuses } from './tables.ts';

type Rows<T> = ReadonlyArray<readonly [string, T]>;

function table(
  name: string,
  read: (text: string) => unknown,
  good: Rows<unknown>,
  bad: Rows<RegExp | string>,
  more?: (test: Test) => void,
): void {
  const test = suite(`options/${name}`);
  reads(test, read, good);
  refuses(test, read, bad);
  more?.(test as unknown as Test);
  test.run();
}

table(
  'size',
  parseSize,
  [
    ['0', 0],
    ['32', 32],
    ['32b', 32],
    ['32k', 32768],
    ['32K', 32768],
    ['32kb', 32768],
    ['32KiB', 32768],
    ['64m', 67108864],
    ['1.5g', 1610612736],
    ['.5m', 524288],
    ['1 g', 1073741824],
    ['2t', 2 * 1024 ** 4],
    ['1p', 1024 ** 5],
  ],
  [
    ['', "invalid size: ''"],
    ['m', "invalid size: 'm'"],
    ['-1', "invalid size: '-1'"],
    ['1e3', /invalid s/],
    ['0x10', /invalid s/],
    ['1q', "invalid suffix: 'q'"],
    ['1bb', "invalid suffix: 'bb'"],
    ['1ib', "invalid suffix: 'ib'"],
    ['1mbb', "invalid suffix: 'mbb'"],
    ['1  m', /invalid size/],
    ['Infinity', /invalid size/],
    ['99999p', "invalid size: '99999p' is too large"],
  ],
);

table(
  'ulimit',
  parseUlimit,
  [
    ['nofile=1024:2048', { name: 'nofile', soft: 1024, hard: 2048 }],
    ['nofile=1024', { name: 'nofile', soft: 1024, hard: 1024 }],
    ['core=0', { name: 'core', soft: 0, hard: 0 }],
    ['core=-1', { name: 'core', soft: -1, hard: -1 }],
    ['core=0:-1', { name: 'core', soft: 0, hard: -1 }],
  ],
  [
    ['nofile', 'invalid ulimit argument: nofile'],
    ['files=1', 'invalid ulimit type: files'],
    ['NOFILE=1', 'invalid ulimit type: NOFILE'],
    ['as=1', 'invalid ulimit type: as'],
    ['nofile=1:2:3', 'too many limit value arguments - 1:2:3, can only have up to two, `soft[:hard]`'],
    ['nofile=2:1', 'ulimit soft limit must be less than or equal to hard limit: 2 > 1'],
    ['nofile=-1:1', 'ulimit soft limit must be less than or equal to hard limit: soft: -1 (unlimited), hard: 1'],
    ['nofile=', /invalid ulimit argument/],
    ['nofile=:5', /invalid ulimit argument/],
    ['nofile=-2', /invalid ulimit argument/],
    ['nofile=1e3', /invalid ulimit argument/],
    ['nofile=9999999999999999', /invalid ulimit argument/],
    ['constructor=1', 'invalid ulimit type: constructor'],
  ],
);

table(
  'add-host',
  parseAddHost,
  [
    ['db:10.0.0.2', { host: 'db', ip: '10.0.0.2' }],
    ['db=10.0.0.2', { host: 'db', ip: '10.0.0.2' }],
    ['db:::1', { host: 'db', ip: '::1' }],
    ['db=::1', { host: 'db', ip: '::1' }],
    ['db:[2001:db8::1]', { host: 'db', ip: '2001:db8::1' }],
    ['db=[10.0.0.2]', { host: 'db', ip: '10.0.0.2' }],
    ['a.b_c-d:1.2.3.4', { host: 'a.b_c-d', ip: '1.2.3.4' }],
  ],
  [
    ['', 'bad format for add-host: ""'],
    ['db', 'bad format for add-host: "db"'],
    [':1.2.3.4', /bad format/],
    ['=1.2.3.4', /bad format/],
    ['a:b=1.2.3.4', /bad format/],
    ['db:', 'invalid IP address in add-host: ""'],
    ['db:1.2.3', 'invalid IP address in add-host: "1.2.3"'],
    ['db:fe80::1%eth0', /invalid IP/],
    ['db:host-gateway', 'host-gateway is not supported in add-host'],
    ['a\nb:1.2.3.4', /bad format/],
    ['a b:1.2.3.4', /bad format/],
    ['#a:1.2.3.4', /bad format/],
    ['db:1.2.3.4\n6.6.6.6 evil', /invalid IP/],
  ],
);

table(
  'caps',
  parseCapability,
  [
    ['NET_ADMIN', 'CAP_NET_ADMIN'],
    ['net_admin', 'CAP_NET_ADMIN'],
    ['cap_net_admin', 'CAP_NET_ADMIN'],
    ['CAP_BPF', 'CAP_BPF'],
    ['all', 'ALL'],
    [' chown ', 'CAP_CHOWN'],
  ],
  [
    ['', 'unknown capability: "CAP_"'],
    ['NET', 'unknown capability: "CAP_NET"'],
    ['CAP_ALL', 'unknown capability: "CAP_ALL"'],
    ['CAP_CAP_CHOWN', /unknown capability/],
  ],
  (test) =>
    test('an unknown capability: the hint lists the known ones', () => {
      assert.match(failure(() => parseCapability('x')).hint ?? '', /ALL CHOWN .* CHECKPOINT_RESTORE/);
    }),
);

table(
  'signal',
  parseSignal,
  [
    ['TERM', 15],
    ['SIGTERM', 15],
    ['sigterm', 15],
    ['15', 15],
    ['1', 1],
    ['64', 64],
    ['KILL', 9],
    ['CLD', 17],
    ['POLL', 29],
    ['RTMIN', 34],
    ['SIGRTMIN+3', 37],
    ['RTMAX', 64],
    ['RTMAX-14', 50],
    ['rtmin+30', 64],
  ],
  [
    ['', /invalid signal: /],
    ['0', 'invalid signal: 0'],
    ['65', /invalid signal/],
    ['-9', /invalid signal/],
    ['FOO', 'invalid signal: FOO'],
    ['RTMIN-1', /invalid signal/],
    ['RTMAX+1', /invalid signal/],
    ['RTMIN+31', /invalid signal/],
    ['9x', /invalid signal/],
    ['SIGSIGTERM', /invalid signal/],
    ['constructor', /invalid signal/],
  ],
);

table(
  'label',
  parseLabel,
  [
    ['a=b', ['a', 'b']],
    ['a', ['a', '']],
    ['a=', ['a', '']],
    ['a=b=c', ['a', 'b=c']],
    [' a= b ', ['a', ' b ']],
    ['__proto__=x', ['__proto__', 'x']],
  ],
  [
    ['', "invalid label '': empty name"],
    ['=x', "invalid label '=x': empty name"],
    ['a b=c', "label 'a b' contains whitespaces"],
    ['a=\0', /NUL/],
  ],
);

table(
  'user',
  parseUser,
  [
    ['', { user: '', group: undefined }],
    ['root', { user: 'root', group: undefined }],
    ['1000', { user: '1000', group: undefined }],
    ['a:b', { user: 'a', group: 'b' }],
    ['1:2', { user: '1', group: '2' }],
    ['a:', { user: 'a', group: undefined }],
    [':5', { user: '', group: '5' }],
    ['2147483647', { user: '2147483647', group: undefined }],
  ],
  [
    ['a:b:c', "invalid user: 'a:b:c'"],
    ['2147483648', "invalid user: '2147483648': uids and gids must be in range 0-2147483647"],
    ['4294967296', /must be in range/],
    ['18446744073709551616', /must be in range/],
    ['0:99999999999', /must be in range/],
    ['-1', /invalid user/],
    ['+0', /invalid user/],
    ['=1000', /invalid user/],
    ['a b', /invalid user/],
    ['a\nroot:x:0:0', /invalid user/],
    ['a\u009b', /invalid user: 'a\\x9b'/],
  ],
);

table(
  'name',
  parseName,
  [
    ['web', 'web'],
    ['a1', 'a1'],
    ['A.b_c-d', 'A.b_c-d'],
    ['0a', '0a'],
  ],
  [
    ['', 'Invalid container name (), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed'],
    ['a', /Invalid container name/],
    ['-a', /Invalid container name/],
    ['.a', /Invalid container name/],
    ['../../x', /Invalid container name/],
    ['a/b', /Invalid container name/],
    ['a b', /Invalid container name/],
    ['ab\n', 'Invalid container name (ab\\x0a), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed'],
    ['ü1', /Invalid container name/],
    ['x'.repeat(201), /longer than 200/],
  ],
);

table(
  'reference',
  parseContainerReference,
  [
    ['a', 'a'],
    ['4f', '4f'],
    ['/web', 'web'],
  ],
  [
    ['//web', /invalid/],
    ['/', /invalid/],
    ['', /invalid container name or ID/],
    ['..', /invalid/],
    ['a/b', /invalid/],
    ['x'.repeat(300), /invalid/],
  ],
);

table(
  'hostname',
  parseHostname,
  [
    ['a', 'a'],
    ['web-1.example.org', 'web-1.example.org'],
    ['a_b', 'a_b'],
    ['x'.repeat(64), 'x'.repeat(64)],
  ],
  [
    ['', 'invalid hostname format: '],
    ['-a', /invalid hostname/],
    ['a-', /invalid hostname/],
    ['a b', /invalid hostname/],
    ['a\n1.2.3.4 bank', /invalid hostname/],
    ['x'.repeat(65), /longer than 64/],
  ],
);

table(
  'dns server',
  parseDnsServer,
  [
    ['1.1.1.1', '1.1.1.1'],
    [' ::1 ', '::1'],
  ],
  [
    ['', /not correctly formatted/],
    ['one', 'IP address is not correctly formatted: one'],
    ['[::1]', /not correctly/],
    ['1.1.1.1\nsearch x', /not correctly/],
  ],
);
table(
  'dns search',
  parseDnsSearch,
  [
    ['example.com', 'example.com'],
    ['.', '.'],
    ['example.com.', 'example.com'],
  ],
  [
    ['', ' is not a valid domain'],
    ['1.2', '1.2 is not a valid domain'],
    ['a b', /not a valid/],
    ['a\nb', /not a valid/],
    ['-a', /not a valid/],
  ],
);
table(
  'dns option',
  parseDnsOption,
  [
    ['ndots:2', 'ndots:2'],
    ['rotate', 'rotate'],
  ],
  [
    ['', /invalid DNS option/],
    ['a b', /invalid DNS option/],
    ['a\nnameserver 6.6.6.6', /invalid DNS option/],
  ],
);
table(
  'workdir',
  parseWorkdir,
  [
    ['/', '/'],
    ['/a/../b/', '/b'],
  ],
  [
    ['a', "the working directory 'a' is invalid, it needs to be an absolute path"],
    ['', /invalid/],
    ['/a\0', /invalid/],
  ],
);
table(
  'network',
  parseNetwork,
  [
    ['host', 'host'],
    ['none', 'none'],
  ],
  [
    ['bridge', 'network bridge not found'],
    ['', /not found/],
  ],
);
