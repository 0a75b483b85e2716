import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs, overlay, root } from '../support/needs.ts';
import { expectOk, openTsrun, type Tsrun } from '../support/tsrun.ts';
import { dockerVersion, type FakeDocker, fakeDocker } from './format/docker-client.ts';

type Json = Record<string, unknown>;
const test = needs(suite('inspect'), root(), overlay());
let tsrun: Tsrun;
let json: Json;

const FLAGS =
  '--hostname web --label b=2 --label a=<1> -e GREETING=hello -e EMPTY= -w /tmp -u 1000:1000 --tmpfs /scratch:size=1m --cap-add NET_ADMIN --cap-drop MKNOD --read-only --init --stop-signal USR1 --network none --add-host db:10.0.0.1 --dns 10.0.0.2 --ulimit nofile=100:200'.split(
    ' ',
  );

test.before(async () => {
  tsrun = await openTsrun();
  const volumes = ['-v', `${tsrun.directory}:/mnt:ro`, '--mount', `type=bind,source=${tsrun.directory},target=/opt/m`];
  await tsrun.container('full', undefined, [...FLAGS, ...volumes]);
  json = (JSON.parse(expectOk(tsrun.run(['inspect', 'full']))) as Json[])[0] ?? {};
});
test.after(() => tsrun.close());

/** `State.Pid` → `number`: every path of a value with its type; maps whose keys are data count as one. */
function shapeOf(value: unknown, path = ''): [string, string][] {
  if (value === null) return [[path, 'null']];
  if (Array.isArray(value)) return [[path, 'list'], ...(value.length > 0 ? shapeOf(value[0], `${path}[]`) : [])];
  if (typeof value !== 'object') return [[path, typeof value]];
  return Object.entries(value).flatMap(([key, member]) => shapeOf(member, path === '' ? key : `${path}.${key}`));
}

test('says what was asked for and what is', () => {
  const { State, Config, HostConfig, GraphDriver, Mounts } = json as Record<string, Json>;
  assert.is(json.Name, '/full');
  assert.is(json.Path, 'sh');
  assert.equal(json.Args, ['-c', 'echo ready; exec sleep 600']);
  assert.is(State?.Status, 'running');
  assert.ok(Number(State?.Pid) > 1);
  assert.is(State?.FinishedAt, '0001-01-01T00:00:00Z');
  assert.is(Config?.Hostname, 'web');
  assert.equal(Config?.Env, [
    'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    'GREETING=hello',
    'EMPTY=',
  ]);
  assert.equal(Config?.Labels, { b: '2', a: '<1>' });
  assert.is(Config?.User, '1000:1000');
  assert.equal(HostConfig?.Binds, [`${tsrun.directory}:/mnt:ro`]);
  assert.equal(HostConfig?.Tmpfs, { '/scratch': 'size=1048576' });
  assert.equal(HostConfig?.CapAdd, ['CAP_NET_ADMIN']);
  assert.equal(HostConfig?.ExtraHosts, ['db:10.0.0.1']);
  assert.equal(HostConfig?.Ulimits, [{ Name: 'nofile', Hard: 200, Soft: 100 }]);
  assert.equal(
    (Mounts as unknown as Json[]).map(({ Destination, RW, Mode }) => [Destination, RW, Mode]),
    [
      ['/mnt', false, 'ro'],
      ['/opt/m', true, ''],
    ],
  );
  const { LowerDir, UpperDir } = (GraphDriver as { Data: Record<string, string> }).Data;
  assert.match(LowerDir ?? '', new RegExp(`^${tsrun.dataRoot}/overlay2/[0-9a-f]{64}-init/diff:${tsrun.rootfs}$`));
  assert.match(UpperDir ?? '', new RegExp(`^${tsrun.dataRoot}/overlay2/[0-9a-f]{64}/diff$`));
});

test('restart policy and health check, under docker’s names and in its order', () => {
  const health = '--health-cmd true --health-interval 1m --health-retries 2 --health-start-interval 1ms'.split(' ');
  expectOk(tsrun.run(['run', '--name', 'hale', '--restart', 'on-failure:3', ...health, tsrun.rootfs, 'true']));
  assert.is(tsrun.inspect('hale', '{{json .HostConfig.RestartPolicy}}'), '{"Name":"on-failure","MaximumRetryCount":3}');
  assert.is(
    tsrun.inspect('hale', '{{json .Config.Healthcheck}}'),
    '{"Test":["CMD-SHELL","true"],"Interval":60000000000,"StartInterval":1000000,"Retries":2}',
  );
  expectOk(tsrun.run(['run', '--name', 'unseen', '--no-healthcheck', tsrun.rootfs, 'true']));
  assert.is(tsrun.inspect('unseen', '{{json .Config.Healthcheck}}'), '{"Test":["NONE"]}');
});

test('a record that was written before there were restart policies', () => {
  expectOk(tsrun.run(['run', '--name', 'old', tsrun.rootfs, 'true']));
  const path = join(tsrun.dataRoot, 'containers', tsrun.inspect('old', '{{.Id}}'), 'container.json');
  const record = JSON.parse(readFileSync(path, 'utf8')) as { options: Json };
  const write = (options: Json) => writeFileSync(path, JSON.stringify({ ...record, options }));
  write({ ...record.options, restart: undefined });
  assert.is(tsrun.inspect('old', '{{.HostConfig.RestartPolicy.Name}}'), 'no');
  write({ ...record.options, restart: 5 });
  assert.match(tsrun.run(['inspect', 'old']).stderr, 'the options in its record are damaged');
  expectOk(tsrun.run(['rm', '-f', 'old']));
});

test('where the output is kept', () => {
  const log = ['--log-opt', 'max-size=1m', '--log-opt', 'max-file=2'];
  expectOk(tsrun.run(['run', '--name', 'talks', ...log, tsrun.rootfs, 'true']));
  assert.is(
    tsrun.inspect('talks', '{{json .HostConfig.LogConfig}}'),
    '{"Type":"json-file","Config":{"max-file":"2","max-size":"1m"}}',
  );
  const path = join(tsrun.dataRoot, 'containers', tsrun.inspect('talks', '{{.Id}}'), 'log.jsonl');
  assert.is(tsrun.inspect('talks', '{{.LogPath}}'), path);
  expectOk(tsrun.run(['run', '--name', 'silent', '--log-driver', 'none', tsrun.rootfs, 'true']));
  assert.is(tsrun.inspect('silent', '{{json .HostConfig.LogConfig}}{{.LogPath}}'), '{"Type":"none","Config":{}}');
});

test('an option that was not given has docker’s empty value', () => {
  expectOk(tsrun.run(['run', '--name', 'plain', tsrun.rootfs, 'true']));
  const wanted: [string, string][] = [
    ['{{json .HostConfig.Binds}}', 'null'],
    ['{{json .HostConfig.CapAdd}}', 'null'],
    ['{{json .HostConfig.Dns}}', '[]'],
    ['{{json .Mounts}}', '[]'],
    ['{{json .Config.Entrypoint}}', 'null'],
    ['{{json .Config.Labels}}', '{}'],
    ['{{json .NetworkSettings.Networks}}', '{}'],
    ['{{json .ExecIDs}}', 'null'],
    ['{{.ExecIDs}} {{.HostConfig.CapAdd}} {{len .Config.Entrypoint}}', '[] [] 0'],
    ['{{.State.Running}} {{.State.Pid}} {{.State.ExitCode}} {{.State.OOMKilled}}', 'false 0 0 false'],
    ['{{.HostConfig.AutoRemove}}', 'false'],
  ];
  for (const [template, text] of wanted) assert.is(tsrun.inspect('plain', template), text, template);
});

test('several, of which some are unknown', () => {
  const { code, stdout, stderr } = tsrun.run(['inspect', 'full', 'nope', 'plain', '../x']);
  assert.is(code, 1);
  assert.equal(
    (JSON.parse(stdout) as Json[]).map(({ Name }) => Name),
    ['/full', '/plain'],
  );
  assert.match(stderr, /^Error: No such object: nope\n/);
  assert.match(stderr, /invalid container name or ID/);
  const none = tsrun.run(['inspect', 'nope']);
  assert.is(none.stdout, '[]\n');
  assert.is(none.code, 1);
  const bad = tsrun.run(['inspect', '-f', '{{.Nope}}', 'full']);
  assert.is(bad.code, 1);
  assert.match(bad.stderr, /template parsing error: template: :1:2: executing "" at <.Nope>/);
  assert.is(tsrun.run(['inspect', '-f', '{{', 'full']).code, 125);
});

test('a prefix of the id will do', () => {
  assert.is(tsrun.inspect(String(json.Id).slice(0, 5), '{{.Name}}'), '/full');
});

const docker = dockerVersion() ?? 0;
const client = needs(test, { ok: docker >= 28, reason: 'no docker client from 28 on' });

async function withDocker<T>(use: (docker: FakeDocker) => Promise<T>): Promise<T> {
  const fake = await fakeDocker(json, []);
  try {
    return await use(fake);
  } finally {
    await fake.close();
  }
}

client('docker knows every field by its type, and misses none', async () => {
  const { stdout, stderr } = await withDocker((fake) => fake.run(['inspect', '-f', '{{json .}}', 'full']));
  assert.is(stderr, '');
  const theirs = new Map(shapeOf(JSON.parse(stdout.toString())));
  const ours = new Map(shapeOf(json));
  const lacking = [...theirs.keys()].filter((path) => !ours.has(path));
  assert.equal(lacking, [], 'fields that docker has and we do not');
  assert.equal(
    [...ours.keys()].filter((path) => !theirs.has(path)),
    [],
    'fields that docker does not know',
  );
  const differ = [...ours].filter(([path, type]) => theirs.has(path) && theirs.get(path) !== type);
  assert.equal(differ, [], 'types that differ');
});

client('docker inspect -f prints the same from our JSON', async () => {
  const templates = [
    '{{.Id}} {{.Name}} {{.State.Status}}',
    '{{.State.Pid}}/{{.State.Running}}/{{.State.OOMKilled}}/{{.State.FinishedAt}}',
    '{{.GraphDriver.Data.LowerDir}}{{println}}{{.GraphDriver.Data.UpperDir}}',
    '{{range .Mounts}}{{.Type}} {{.Source}} -> {{.Destination}} {{.RW}}{{println}}{{end}}',
    '{{json .Config.Labels}} {{index .Config.Labels "a"}}|{{index .Config.Labels "none"}}|',
    '{{join .Config.Env " "}} {{len .Config.Env}}',
    '{{if .HostConfig.ReadonlyRootfs}}ro{{else}}rw{{end}} {{.HostConfig.NetworkMode}}',
    '{{range $path, $how := .HostConfig.Tmpfs}}{{$path}}={{$how}}{{end}}',
    '{{json .HostConfig.CapAdd}} {{json .HostConfig.CapDrop}} {{json .HostConfig.Ulimits}}',
    '{{json .HostConfig.Dns}} {{json .HostConfig.DnsSearch}}',
    '{{json .HostConfig.MaskedPaths}}',
    '{{json .NetworkSettings.Ports}} {{.NetworkSettings.IPAddress}}|',
    '{{json .State}}',
    '{{json .Mounts}}',
    '{{json .Config}}',
    '{{.Path}} {{range .Args}}[{{.}}]{{end}} {{.Created}}',
  ];
  const runs = await withDocker((fake) =>
    fake.runAll(templates.map((template) => ['inspect', '-f', template, 'full'])),
  );
  templates.forEach((template, index) => {
    const { ok, stdout, stderr } = runs[index] ?? { ok: false, stdout: '', stderr: '' };
    assert.ok(ok, `${template}: ${stderr}`);
    assert.is(expectOk(tsrun.run(['inspect', '-f', template, 'full'])), stdout.toString(), template);
  });
});

test('the stop signal is told as it was given', () => {
  expectOk(tsrun.run(['run', '--name', 'signalled', '--stop-signal', 'USR1', tsrun.rootfs, 'true']));
  assert.is(tsrun.inspect('signalled', '{{.Config.StopSignal}}'), 'USR1');
});

test.run();
