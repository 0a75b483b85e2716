import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { commandCell, humanDuration, humanSize } from '../../../src/cli/format/human.ts';
import { formatRows } from '../../../src/cli/format/table.ts';
import { TsrunError } from '../../../src/errors/tsrun-error.ts';
import { dockerVersion, type FakeDocker, fakeDocker } from './docker-client.ts';
import { containerList, type ListedContainer } from './docker-fixture.ts';

const HEADINGS = {
  Command: 'COMMAND',
  CreatedAt: 'CREATED AT',
  ID: 'CONTAINER ID',
  Image: 'IMAGE',
  Labels: 'LABELS',
  LocalVolumes: 'LOCAL VOLUMES',
  Mounts: 'MOUNTS',
  Names: 'NAMES',
  Networks: 'NETWORKS',
  Platform: 'PLATFORM',
  Ports: 'PORTS',
  RunningFor: 'CREATED',
  Size: 'SIZE',
  State: 'STATE',
  Status: 'STATUS',
};

/** The fields of docker's ps row, made from the same JSON by our own words. */
function rowOf(container: ListedContainer, now: number): Record<string, unknown> {
  const created = new Date(container.Created * 1000).toISOString().replace('T', ' ').replace('.000Z', ' +0000 UTC');
  return {
    Command: commandCell(container.Command),
    CreatedAt: created,
    ID: container.Id.slice(0, 12),
    Image: container.Image,
    Labels: Object.entries(container.Labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(','),
    LocalVolumes: '0',
    Mounts: '',
    Names: container.Names.map((name) => name.slice(1)).join(','),
    Networks: '',
    Platform: null,
    Ports: '',
    RunningFor: `${humanDuration(now - container.Created * 1000)} ago`,
    Size: humanSize(container.SizeRw),
    State: container.State,
    Status: container.Status,
    Label: (name: string) => container.Labels[name] ?? '',
  };
}

const FORMATS: readonly string[] = [
  'table {{.ID}}\\t{{.Names}}',
  'table {{.ID}}\\t{{.Image}}\\t{{.Command}}\\t{{.RunningFor}}\\t{{.Status}}\\t{{.Ports}}\\t{{.Names}}\\t{{.Size}}',
  'table {{.CreatedAt}}\t{{.Labels}}\t{{.LocalVolumes}}\t{{.Mounts}}\t{{.Networks}}\t{{.State}}\t{{.Status}}\t{{.Ports}}',
  'table {{.Label "a"}}\t{{.Label "com.x-y_z.my-app_1"}}\t{{.ID}}',
  'table {{.ID | upper}}|{{lower .Names}}|{{title .State}}|{{truncate .ID 3}}|{{pad .ID 2 2}}|{{json .Image}}|{{len .ID}}',
  'table {{split .Names ","}} {{join (split .Names ",") "/"}}\t{{index (split .Names ",") 0}}\t{{printf "%-8s" .State}}|',
  'table {{range split .Names ","}}{{.}}{{end}}\t{{if .ID}}y{{end}}\t{{.Image}}',
  'table {{html .Image}} {{js .Image}} {{if eq .ID "x"}}1{{else}}2{{end}} {{$x := .ID}}{{$x}}',
  'table {{json .}}',
  'table {{.ID}}\\n{{.Names}}\t{{.Image}}',
  'table\t{{.ID}}\t{{.Names}}',
  'table {{.ID}}\t',
  'table{{.ID}}',
  'table   {{.ID}}   x  ',
  'table {{if eq .State "x"}}a\tb\t{{end}}{{.ID}}\t{{.Status}}',
  'table {{.Command}}\t{{println .ID}}\t{{.Names}}',
  'table {{range $i, $c := split .ID ""}}{{if lt $i 3}}{{$c}}\t{{end}}{{end}}{{.Names}}',
  '  table {{.ID}} ',
  '{{.ID}}   ',
  '{{.ID}}\\t{{.Names}}\t{{.Command}}',
  '{{.ID}}{{println}}{{.Names | printf "%q"}}',
  '{{.RunningFor}}|{{.Size}}|{{.Command}}|{{.CreatedAt}}',
  '{{json .}}',
  'json',
  'JSON',
  'json ',
  'pretty {{.Names}}',
  '{{json .Names}} {{json .Labels}} {{json .Platform}} {{.Label "a"}} {{.Label "b"}}|',
  '{{/* nothing */}}',
];
const REFUSED: readonly string[] = [
  '{{.Nope}}',
  '{{.ID',
  'table {{.ID}}\t{{.Nope}}',
  '{{.ID.Foo}}',
  '{{.Label}}',
  '{{.ID 3}}',
  '{{foo}}',
  'table {{.Names}',
  '{{end}}',
];

const test = suite('format: docker ps');
const version = dockerVersion();

if (version === undefined || version < 28) {
  console.log(
    `SKIP format: docker ps: needs a docker client from 28 on, whose Go has these templates; found ${version ?? 'none'}`,
  );
} else {
  const now = Date.now();
  const list = containerList(now);
  const rows = list.map((container) => rowOf(container, now));
  let docker: FakeDocker;
  let empty: FakeDocker;
  const ps = (format: string) => ['ps', '-a', '--size', '--format', format];
  test.before(async () => {
    docker = await fakeDocker({}, list);
    empty = await fakeDocker({}, []);
  });
  test.after(async () => {
    await docker.close();
    await empty.close();
  });

  test('prints the same rows', async () => {
    const runs = await docker.runAll(FORMATS.map(ps));
    FORMATS.forEach((format, index) => {
      assert.is(runs[index]?.stderr, '', format);
      assert.is(formatRows(rows, format, HEADINGS), runs[index]?.stdout.toString(), format);
    });
  });

  test('prints the headings alone when there are no rows', async () => {
    const formats = ['table {{.ID}}\\t{{.Names}}', '{{.ID}}', 'json'];
    const runs = await empty.runAll(formats.map(ps));
    formats.forEach((format, index) =>
      assert.is(formatRows([], format, HEADINGS), runs[index]?.stdout.toString(), format),
    );
  });

  test('refuses the same formats', async () => {
    const runs = await docker.runAll(REFUSED.map(ps));
    REFUSED.forEach((format, index) => {
      assert.not.ok(runs[index]?.ok, `docker accepts ${format}`);
      assert.throws(
        () => formatRows(rows, format, HEADINGS),
        (error: unknown) => error instanceof TsrunError && error.kind === 'usage',
      );
    });
  });
}

test.run();
