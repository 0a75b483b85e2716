import { Command } from 'commander';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { addExecFlags, readExecFlags } from '../../src/cli/exec-flags.ts';
import { addRunFlags, readRunFlags } from '../../src/cli/run-flags.ts';
import type { ExecOptions, RunOptions } from '../../src/engine/run-options.ts';
import { failure } from '../engine/options/tables.ts';

const test = suite('cli/run-flags');

const files: Record<string, string> = { '/home/me/vars': 'A=file\nB=file\n' };
const context = {
  env: { USER: 'me' },
  cwd: '/home/me',
  readFile(path: string): Buffer {
    const content = files[path];
    if (content === undefined) throw Object.assign(new Error('missing'), { code: 'ENOENT' });
    return Buffer.from(content);
  },
};

function program(): Command {
  return new Command('tsrun')
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
}

/** Parses as the real program does: `run` below a parent. */
function run(...argv: string[]): RunOptions {
  let found: RunOptions | undefined;
  const parent = program();
  addRunFlags(parent.command('run <rootfs> [command...]'))
    .exitOverride()
    .action((rootfs: string, command: string[], opts: object) => {
      found = readRunFlags(opts, rootfs, command, context);
    });
  parent.parse(['run', ...argv], { from: 'user' });
  assert.ok(found);
  return found;
}

function exec(...argv: string[]): ExecOptions {
  let found: ExecOptions | undefined;
  const parent = program();
  addExecFlags(parent.command('exec <container> [command...]'))
    .exitOverride()
    .action((container: string, command: string[], opts: object) => {
      found = readExecFlags(opts, container, command, context);
    });
  parent.parse(['exec', ...argv], { from: 'user' });
  assert.ok(found);
  return found;
}

test('nothing but a root', () => {
  const options = run('./rootfs');
  assert.is(options.rootfs, '/home/me/rootfs');
  assert.equal(options.command, []);
  assert.is(options.network, 'host');
  assert.equal(
    [options.tty, options.interactive, options.remove, options.privileged, options.readOnly, options.init],
    [false, false, false, false, false, false],
  );
  assert.equal(
    [options.name, options.hostname, options.user, options.workdir, options.entrypoint, options.stopSignal],
    new Array(6).fill(undefined),
  );
});

test('short flags combine', () => {
  const options = run('--rm', '-ti', 'root', 'bash');
  assert.equal([options.remove, options.tty, options.interactive, options.command], [true, true, true, ['bash']]);
  assert.equal(run('-itw/srv', '-eA=1', 'root').workdir, '/srv');
});

test('options end at the root: the rest is the command’s, -- too', () => {
  assert.equal(run('root', 'ls', '-l', '--rm', '-e', 'X').command, ['ls', '-l', '--rm', '-e', 'X']);
  assert.equal(run('-i', 'root', 'sh', '-c', 'exit 3', '--', '-t').command, ['sh', '-c', 'exit 3', '--', '-t']);
  assert.is(run('root', 'ls', '--rm').remove, false);
  assert.equal(run('--', 'root', '-x').command, ['-x']);
});

test('-h is the host name', () => assert.is(run('-h', 'box', 'root').hostname, 'box'));

test('flags that come again collect, --env-file before -e', () => {
  const options = run(
    '-e',
    'A=1',
    '--env=C=x=y',
    '--env-file',
    'vars',
    '-e',
    'USER',
    '-e',
    'NOPE',
    '-l',
    'a=1',
    '--label',
    'a=2',
    '--label=b',
    'root',
  );
  assert.equal(options.env, [
    ['A', 'file'],
    ['B', 'file'],
    ['A', '1'],
    ['C', 'x=y'],
    ['USER', 'me'],
    ['NOPE', null],
  ]);
  assert.equal(
    [...options.labels],
    [
      ['a', '2'],
      ['b', ''],
    ],
  );
});

test('every other flag', () => {
  const options = run(
    ...[
      '--name',
      'web',
      '-u',
      '1000:web',
      '--init',
      '--read-only',
      '--entrypoint',
      '/bin/x',
      '--stop-signal',
      'int',
      '--stop-timeout',
      '-1',
      '--network',
      'host',
      '--privileged',
    ],
    ...[
      '--cap-add',
      'net_admin',
      '--cap-drop',
      'all',
      '--ulimit',
      'nofile=1:2',
      '--ulimit',
      'core=0',
      '--ulimit',
      'nofile=3:4',
      '--cidfile',
      'cid',
      '--pidfile=/run/pid',
    ],
    ...[
      '--add-host',
      'db:::1',
      '--dns',
      '1.1.1.1',
      '--dns-search',
      'a.b',
      '--dns-option',
      'ndots:1',
      '-v',
      '.:/here',
      '--mount',
      'type=tmpfs,dst=/m',
      '--tmpfs',
      '/t',
      'root',
    ],
  );
  assert.equal(
    [options.name, options.user, options.entrypoint, options.stopSignal, options.stopTimeout, options.network],
    ['web', '1000:web', '/bin/x', 'int', -1, 'host'],
  );
  assert.equal([options.init, options.readOnly, options.privileged], [true, true, true]);
  assert.equal([options.capAdd, options.capDrop], [['CAP_NET_ADMIN'], ['ALL']]);
  assert.equal(options.ulimits, [
    { name: 'core', soft: 0, hard: 0 },
    { name: 'nofile', soft: 3, hard: 4 },
  ]);
  assert.equal([options.cidfile, options.pidfile], ['/home/me/cid', '/run/pid']);
  assert.equal(options.extraHosts, [{ host: 'db', ip: '::1' }]);
  assert.equal(options.dns, { servers: ['1.1.1.1'], search: ['a.b'], options: ['ndots:1'] });
  assert.equal(
    options.mounts.map((mount) => [mount.type, mount.target]),
    [
      ['bind', '/here'],
      ['tmpfs', '/m'],
      ['tmpfs', '/t'],
    ],
  );
});

test('restart and health', () => {
  const plain = run('root');
  assert.equal([plain.restart, plain.health], [{ name: 'no', maximumRetryCount: 0 }, undefined]);
  assert.equal(run('--restart', 'on-failure:3', 'root').restart, { name: 'on-failure', maximumRetryCount: 3 });
  const times = ['--health-interval', '1m30s', '--health-timeout=1.5s', '--health-start-period', '2h'];
  assert.equal(run('--health-cmd', 'test -e /ok', ...times, '--health-retries', '2', 'root').health, {
    test: ['CMD-SHELL', 'test -e /ok'],
    interval: 90e9,
    timeout: 1.5e9,
    startPeriod: 7200e9,
    startInterval: 0,
    retries: 2,
  });
  assert.equal(run('--health-start-interval', '1s', 'root').health?.test, [], 'there is nothing to check with');
  assert.equal(run('--no-healthcheck', 'root').health?.test, ['NONE']);
  assert.is(run('--health-cmd', '', '--health-interval', '0', 'root').health, undefined);
});

test('where the output is kept', () => {
  assert.equal(run('root').log, { driver: 'json-file', options: {} });
  assert.equal(run('--log-driver=', 'root').log, { driver: 'json-file', options: {} });
  assert.equal(run('--log-driver', 'none', 'root').log, { driver: 'none', options: {} });
  const options = ['--log-opt', 'max-size=1m', '--log-opt', 'max-file=2', '--log-opt', 'max-size=2m'];
  assert.equal(run('--log-driver', 'local', ...options, 'root').log, {
    driver: 'local',
    options: { 'max-size': '2m', 'max-file': '2' },
  });
  assert.match(
    failure(() => run('--log-driver', 'syslog', 'root')).message,
    "logger: no log driver named 'syslog' is registered",
  );
});

test('restart and health: what excludes each other, in Docker’s words', () => {
  const refused: [string[], string][] = [
    [['--rm', '--restart', 'always'], 'conflicting options: cannot specify both --restart and --rm'],
    [['--no-healthcheck', '--health-cmd', 'x'], '--no-healthcheck conflicts with --health-* options'],
    [['--health-interval=-5s'], '--health-interval cannot be negative'],
    [['--health-retries=-1'], '--health-retries cannot be negative'],
    [['--health-timeout', '1us'], 'Timeout in Healthcheck cannot be less than 1ms'],
    [
      ['--health-interval', '5'],
      'invalid argument "5" for "--health-interval" flag: time: missing unit in duration "5"',
    ],
  ];
  for (const [words, message] of refused) assert.is(failure(() => run(...words, 'root')).message, message);
  assert.is(run('--rm', '--restart', 'no', 'root').remove, true);
});

test('an empty value is an absent one, as in Docker', () => {
  const options = run('--user', '', '-w', '', '--name=', '--hostname=', '--entrypoint', '', '--network=', 'root');
  assert.equal(
    [options.user, options.workdir, options.name, options.hostname, options.entrypoint, options.network],
    [...new Array(5).fill(undefined), 'host'],
  );
  const files = run('--cidfile=', '--pidfile', '', 'root');
  assert.equal([files.cidfile, files.pidfile], [undefined, undefined], 'and not the working directory');
});

test('the very same -v twice is one; two mounts at one place are an error', () => {
  assert.is(run('-v', '/a:/b', '-v', '/a:/b', 'root').mounts.length, 1);
  assert.is(failure(() => run('-v', '/a:/b', '--tmpfs', '/b/', 'root')).message, 'Duplicate mount point: /b');
});

test('an error names the flag and its value', () => {
  const error = failure(() => run('--ulimit', 'x=1', 'root'));
  assert.is(error.message, 'invalid argument "x=1" for "--ulimit" flag: invalid ulimit type: x');
  assert.match(error.hint ?? '', /nofile/);
  assert.is(error.exitCode, 125);
  assert.is(
    failure(() => run('--env-file', 'nope', 'root')).message,
    '--env-file: open nope: no such file or directory',
  );
});

test('log injection: a control character in a value stays visible', () => {
  const error = failure(() => run('--name', 'a\u001b[2J', 'root'));
  assert.not.ok(error.message.includes('\u001b'));
  assert.not.ok(failure(() => run('--name', 'a\u009b2J', 'root')).message.includes('\u009b'));
});

test('an unknown flag is commander’s to refuse', () => {
  assert.throws(() => run('--publish', '80', 'root'), /unknown option/);
});

test('exec: flags, and the command’s own', () => {
  const options = exec(
    '-it',
    '-e',
    'A=1',
    '--env-file',
    'vars',
    '-w',
    '/srv',
    '-u',
    'web',
    '-d',
    '--privileged',
    'box',
    'sh',
    '-c',
    'x',
    '-d',
  );
  assert.equal(options, {
    container: 'box',
    command: ['sh', '-c', 'x', '-d'],
    env: [
      ['A', 'file'],
      ['B', 'file'],
      ['A', '1'],
    ],
    workdir: '/srv',
    user: 'web',
    interactive: true,
    tty: true,
    detach: true,
    privileged: true,
  });
});

test('exec: a command is needed, and a reference that is no path', () => {
  assert.is(failure(() => exec('box')).message, 'exec needs a command');
  assert.is(failure(() => exec('../box', 'sh')).message, "invalid container name or ID: '../box'");
});

test.run();
