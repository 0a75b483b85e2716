import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { eventLine, eventTemplate, localTime } from '../../../src/cli/format/event-text.ts';
import { parseEvent } from '../../../src/engine/events/event.ts';
import { TsrunError } from '../../../src/errors/tsrun-error.ts';
import { needs } from '../../support/needs.ts';
import { dockerVersion, type FakeDocker, fakeDocker } from './docker-client.ts';

const line = (
  action: string,
  attributes: object,
  rest = '"scope":"local","time":1795444323,"timeNano":1795444323123456789',
): string => {
  const head = `"status":"${action}","id":"abc","from":"/srv/root","Type":"container","Action":"${action}"`;
  return `{${head},"Actor":{"ID":"abc","Attributes":${JSON.stringify(attributes)}},${rest}}`;
};
const LINES = [
  line('start', { image: '/srv/root', zeta: 'a b', Alpha: 'x,y', name: 'web', é: '<&>' }),
  line('die', { image: '/srv/root', name: 'web', exitCode: '137', execDuration: '3' }),
  line('exec_create: sh -c true', {}, '"scope":"local","time":1795444323,"timeNano":1795444323000000000'),
  line('kill', { signal: '9' }, '"scope":"local","time":1,"timeNano":1000000005'),
];
const EVENTS = LINES.map((text) => parseEvent(text.replace('{', '{"v":1,'))!);

const TEMPLATES = [
  '{{json .}}',
  '{{json .Actor}} {{json .Actor.Attributes}}',
  '{{.Type}} {{.Action}} {{.Actor.ID}} {{.Actor.Attributes.name}} {{.Scope}}',
  '{{.Time}} {{.TimeNano}} {{.Status}} {{.ID}} {{.From}}',
  '{{range $key, $value := .Actor.Attributes}}{{$key}}:{{$value}};{{end}}',
  '{{index .Actor.Attributes "none"}}|{{.Actor.Attributes.none}}',
  '{{if eq .Action "die"}}{{.Actor.Attributes.exitCode}}{{end}}',
  '{{upper .Scope}}\\t{{len .Actor.Attributes}}',
];
const REFUSED = ['{{', '{{.Foo}}', '{{.Actor.Foo}}', '{{nonsuch .}}'];

const pure = suite('format/events');

pure('all of them were read', () =>
  assert.equal(
    EVENTS.filter((event) => event === undefined),
    [],
  ),
);
pure('times are in the reader’s zone', () => {
  for (const [zone, text] of [
    ['UTC', '2026-11-23T14:32:03.123456789Z'],
    ['Asia/Kolkata', '2026-11-23T20:02:03.123456789+05:30'],
    ['America/St_Johns', '2026-11-23T11:02:03.123456789-03:30'],
  ] as const) {
    process.env.TZ = zone;
    assert.is(localTime(1795444323123456789n), text);
  }
  process.env.TZ = 'UTC';
  assert.is(localTime(5n), '1970-01-01T00:00:00.000000005Z');
});
pure('what a label holds does not steer the terminal, nor makes a line of its own', () => {
  const odd = { ...EVENTS[0]!, Actor: { ID: 'a', Attributes: { x: '\x1b[31m\nred' } } };
  assert.not.match(eventLine(odd), /[\x00-\x1f]/);
});
pure('a template that is none is refused before there is an event', () => {
  for (const template of REFUSED)
    try {
      eventTemplate(template);
      assert.unreachable(template);
    } catch (error) {
      assert.instance(error, TsrunError);
      assert.is((error as TsrunError).exitCode, 64);
      assert.match((error as TsrunError).message, /^Error parsing format: template: /);
    }
});
pure.run();

const version = dockerVersion();
const compared = needs(suite('format/events: as docker prints them'), {
  ok: version !== undefined && version >= 28,
  reason: 'no docker client of version 28 or newer',
});
let docker: FakeDocker;
compared.before(async () => {
  process.env.TZ = 'UTC';
  docker = await fakeDocker({}, [], LINES.join('\n'));
});
compared.after(() => docker?.close());

compared('a line each', async () => {
  const { stdout, stderr } = await docker.run(['events']);
  assert.is(EVENTS.map((event) => `${eventLine(event)}\n`).join(''), stdout.toString(), stderr);
});
for (const template of TEMPLATES)
  compared(template, async () => {
    const { stdout, stderr } = await docker.run(['events', '--format', template]);
    const show = eventTemplate(template);
    assert.is(EVENTS.map((event) => `${show(event)}\n`).join(''), stdout.toString(), stderr);
  });
compared('docker refuses what we refuse', async () => {
  for (const { ok, stderr } of await docker.runAll(REFUSED.map((template) => ['events', '--format', template]))) {
    assert.not(ok);
    assert.match(stderr, /^Error parsing format: template: /);
  }
});
compared.run();
