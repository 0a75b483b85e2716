import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hostnameFile, hostsFile, resolvConfFile } from '../../src/engine/host-files.ts';

const test = suite('engine/host-files');

const SIX =
  '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::0\tip6-localnet\nff00::0\tip6-mcastprefix\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n';
const hosts = {
  network: 'none' as const,
  hostname: 'fa0582980d43',
  addresses: [],
  extraHosts: [],
  hostText: '127.0.0.1 myhost\n',
};

test('hosts: Docker’s seven lines, 174 bytes', () => {
  const text = hostsFile({ ...hosts, addresses: ['172.17.0.2'] });
  assert.is(text, `${SIX}172.17.0.2\tfa0582980d43\n`);
  assert.is(text.length, 174);
});

test('hosts: no address, no line of its own; --add-host comes before it', () => {
  assert.is(hostsFile(hosts), SIX);
  assert.is(
    hostsFile({ ...hosts, addresses: ['10.0.0.2'], hostname: 'a.b.c', extraHosts: [{ host: 'db', ip: '::2' }] }),
    `${SIX}::2\tdb\n10.0.0.2\ta.b.c a\n`,
  );
});

test('hosts: on the host’s network a copy, and written afresh with --add-host', () => {
  assert.is(hostsFile({ ...hosts, network: 'host' }), '127.0.0.1 myhost\n');
  const named = { ...hosts, network: 'host', addresses: ['127.0.1.1'] } as const;
  assert.is(hostsFile(named), '127.0.0.1 myhost\n127.0.1.1\tfa0582980d43\n');
  assert.is(
    hostsFile({ ...hosts, network: 'host', extraHosts: [{ host: 'db', ip: '1.2.3.4' }] }),
    `${SIX}1.2.3.4\tdb\n`,
  );
});

test('hostname ends with a line break', () => assert.is(hostnameFile('abc'), 'abc\n'));

const none = { servers: [], search: [], options: [] };
const hostText =
  '# made by someone\nnameserver 127.0.0.53\nnameserver 10.0.0.1\nnameserver ::1\nsearch lan\noptions edns0\nsortlist 10.0.0.0\n';
const conf: Array<[what: string, wishes: Parameters<typeof resolvConfFile>[0], expected: string]> = [
  ['host network: a copy', { network: 'host', dns: none, hostText }, hostText],
  ['no host file', { network: 'host', dns: none, hostText: '' }, ''],
  [
    'own network: less the loopback servers',
    { network: 'none', dns: none, hostText },
    '# made by someone\nnameserver 10.0.0.1\nsearch lan\noptions edns0\nsortlist 10.0.0.0\n',
  ],
  [
    'own network: nothing left',
    { network: 'none', dns: none, hostText: 'nameserver 127.0.0.1\nsearch lan' },
    'search lan\nnameserver 8.8.8.8\nnameserver 8.8.4.4\n',
  ],
  [
    'own network: no host file',
    { network: 'none', dns: none, hostText: '' },
    'nameserver 8.8.8.8\nnameserver 8.8.4.4\n',
  ],
  [
    '--dns',
    { network: 'none', dns: { ...none, servers: ['1.1.1.1', '127.0.0.1'] }, hostText },
    'nameserver 1.1.1.1\nnameserver 127.0.0.1\nsearch lan\noptions edns0\nsortlist 10.0.0.0\n',
  ],
  [
    '--dns-search',
    { network: 'none', dns: { ...none, search: ['a.b', 'c'] }, hostText },
    'nameserver 10.0.0.1\nsearch a.b c\noptions edns0\nsortlist 10.0.0.0\n',
  ],
  [
    '--dns-search=. empties the list',
    { network: 'host', dns: { ...none, search: ['.'] }, hostText: 'nameserver 127.0.0.53\nsearch lan\n' },
    'nameserver 127.0.0.53\n',
  ],
  [
    '--dns-option',
    {
      network: 'host',
      dns: { ...none, options: ['ndots:2', 'rotate'] },
      hostText: 'domain lan\noptions a\noptions b\n',
    },
    'search lan\noptions ndots:2 rotate\n',
  ],
];

for (const [what, wishes, expected] of conf)
  test(`resolv.conf: ${what}`, () => assert.is(resolvConfFile(wishes), expected));

test.run();
