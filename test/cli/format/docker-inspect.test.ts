import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { inspectShape } from '../../../src/cli/format/inspect-shape.ts';
import { compileTemplate } from '../../../src/cli/format/template.ts';
import { TsrunError } from '../../../src/errors/tsrun-error.ts';
import { type DockerRun, dockerVersion, fakeDocker } from './docker-client.ts';
import { CONTAINER } from './docker-fixture.ts';
import { PRINTED } from './printed-templates.ts';
import { REFUSED } from './refused-templates.ts';

/** Where we print something else than docker, and why. `ours` undefined: we refuse it. */
const DIFFERENT: readonly { template: string; ours: string | undefined; reason: string }[] = [
  {
    template: '{{.State}}',
    ours: 'map[Pid:42 Running:true Status:running]',
    reason: 'a struct in docker, printed by its Go fields',
  },
  {
    template: '{{.State.ExitCode}}',
    ours: undefined,
    reason: 'a field of the type that this JSON does not have is 0 in docker',
  },
  {
    template: '{{json .State}}',
    ours: '{"Status":"running","Running":true,"Pid":42}',
    reason: 'docker adds the fields of the type',
  },
  { template: '{{join .Str ","}}', ours: 'a,b', reason: 'a list that docker has no type for is never one of strings' },
  {
    template: '{{eq .Odd.f 1.25}}',
    ours: 'true',
    reason: 'numbers that docker has no type for are text there (json.Number)',
  },
  {
    template: '{{printf "%.1f|%d|%T" .Odd.f .Odd.f .Odd.f}}',
    ours: '1.2|%!d(float64=1.25)|float64',
    reason: 'the same',
  },
  { template: '{{printf "%s" .Odd.list}}', ours: '[%!s(int=1) x <nil> [%!s(bool=true)]]', reason: 'the same' },
  {
    template: '{{1000000.0}} {{0.00001}}',
    ours: '1000000 0.00001',
    reason: 'floats print as JSON has them, literals too',
  },
  { template: '{{truncate "héé" 2}}', ours: 'h\ufffd', reason: 'docker prints half of a character as it is' },
  { template: '{{title "ǆ"}}', ours: 'Ǆ', reason: 'JavaScript has no title case' },
  { template: '{{printf "%2000000d" 1}}', ours: '1', reason: 'widths above a million are not obeyed' },
];
/** Refused by both, with another word of Go in the message. */
const OTHER_WORDS: readonly string[] = [
  '{{(index .Odd.list 0).foo}}',
  '{{eq .Odd .Odd}}',
  '{{eq .Odd.list .Odd.list}}',
  '{{range .Odd.list}}{{.foo}}{{end}}',
  '{{len nil}}',
  '{{$x := .Odd.n}}{{len $x}}',
  '{{(split "a" ",").foo}}',
  '{{truncate .Name .Odd.f}}',
  '{{with .Odd.f}}{{.foo}}{{end}}',
  '{{len .Config.Labels.zz}}',
  '{{upper .Config.Labels.zz}}',
  '{{eq .State.Pid 42}}{{eq .State.Pid 1.0}}',
];

interface Ours {
  readonly text: string | undefined;
  readonly message: string;
}

function ours(template: string): Ours {
  try {
    return { text: compileTemplate(template)(inspectShape(CONTAINER)), message: '' };
  } catch (error) {
    if (error instanceof TsrunError && error.kind === 'usage') return { text: undefined, message: error.message };
    throw error;
  }
}

/** One character a byte: text that is not UTF-8 stays different. */
function latin1(text: string): string {
  return Buffer.from(text).toString('latin1');
}

const test = suite('format: docker inspect');
const version = dockerVersion();

if (version === undefined || version < 28) {
  console.log(
    `SKIP format: docker inspect: needs a docker client from 28 on, whose Go has these templates; found ${version ?? 'none'}`,
  );
} else {
  const runs = new Map<string, DockerRun>();

  test.before(async () => {
    const docker = await fakeDocker(CONTAINER, []);
    const templates = [...PRINTED, ...REFUSED, ...OTHER_WORDS, ...DIFFERENT.map(({ template }) => template)];
    const results = await docker.runAll(
      templates.map((template) => ['inspect', '--type', 'container', '-f', template, 'id']),
    );
    templates.forEach((template, index) => runs.set(template, results[index] as DockerRun));
    await docker.close();
  });

  test('prints the same bytes', () => {
    for (const template of PRINTED) {
      const { ok, stdout, stderr } = runs.get(template) as DockerRun;
      assert.ok(ok, `docker refuses ${template}: ${stderr}`);
      const { text, message } = ours(template);
      assert.is(text === undefined ? message : latin1(`${text}\n`), stdout.toString('latin1'), template);
    }
  });

  test('refuses the same templates in the same words', () => {
    for (const template of REFUSED) {
      const { ok, stderr } = runs.get(template) as DockerRun;
      assert.not.ok(ok, `docker accepts ${template}`);
      assert.is(ours(template).message, stderr.replace(/\n+$/, ''), template);
    }
    for (const template of OTHER_WORDS) {
      assert.not.ok(runs.get(template)?.ok, `docker accepts ${template}`);
      assert.match(ours(template).message, /^template parsing error: template: :1:\d+: executing "" at </, template);
    }
  });

  test('differs only where the list says so', () => {
    for (const { template, ours: expected, reason } of DIFFERENT) {
      const { ok, stdout } = runs.get(template) as DockerRun;
      const { text } = ours(template);
      assert.is(text, expected, `${template}: ${reason}`);
      assert.is.not(
        text === undefined ? undefined : latin1(`${text}\n`),
        ok ? stdout.toString('latin1') : undefined,
        `no difference any more: ${template}`,
      );
    }
  });
}

test.run();
