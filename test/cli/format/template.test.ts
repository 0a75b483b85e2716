import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { inspectShape } from '../../../src/cli/format/inspect-shape.ts';
import { tokenize } from '../../../src/cli/format/template/lexer.ts';
import { compileTemplate, TypedMap } from '../../../src/cli/format/template.ts';
import { TsrunError } from '../../../src/errors/tsrun-error.ts';

const test = suite('format: template');

function refusal(template: string, data: unknown = {}): string {
  try {
    return `printed ${compileTemplate(template)(data)}`;
  } catch (error) {
    assert.instance(error, TsrunError);
    assert.is((error as TsrunError).kind, 'usage');
    return (error as TsrunError).message;
  }
}

const print = (template: string, data: unknown = {}) => compileTemplate(template)(data);

test('prints fields, ranges and branches', () => {
  const data = {
    State: { Status: 'running', Pid: 7 },
    Mounts: [{ Source: '/a' }, { Source: '/b' }],
    Env: { B: '2', A: '1' },
  };
  assert.is(print('{{.State.Status}} {{(index .Mounts 0).Source}}', data), 'running /a');
  assert.is(print('{{range $i, $m := .Mounts}}{{if $i}}, {{end}}{{$m.Source}}{{end}}', data), '/a, /b');
  assert.is(print('{{range $k, $v := .Env}}{{$k}}={{$v}} {{end}}', data), 'A=1 B=2 ');
  assert.is(print('{{with .State}}{{.Pid}}{{end}} {{if eq .State.Pid 7}}yes{{else}}no{{end}}', data), '7 yes');
  assert.is(print('a  {{- /* gone */ -}}  b {{- "c" }} d'), 'abc d');
  assert.is(print('{{range 3}}{{.}}{{end}}{{range .None}}{{else}}none{{end}}', { None: null }), '012none');
});

test('tokens know their place, and the last one says how it ended', () => {
  const tokens = tokenize('a\n{{ .B -}} ');
  assert.equal(
    tokens.map(({ kind, text, pos, line }) => [kind, text, pos, line]),
    [
      ['text', 'a\n', 0, 1],
      ['open', '{{', 2, 2],
      ['space', ' ', 4, 2],
      ['field', '.B', 5, 2],
      ['close', '}}', 9, 2],
      ['eof', '', 12, 2],
    ],
  );
  assert.equal(tokenize('{{"a').at(-1), { kind: 'error', text: 'unterminated quoted string', pos: 2, line: 1 });
});

test('mistakes in the text are named with their line', () => {
  const prefix = 'template parsing error: template: ';
  assert.is(refusal('{{.Name'), `${prefix}:1: unclosed action`);
  assert.is(refusal('\n{{ if\n .Name'), `${prefix}:3: unclosed action started at :2`);
  assert.is(refusal('{{foo}}'), `${prefix}:1: function "foo" not defined`);
  assert.is(refusal('{{$x}}'), `${prefix}:1: undefined variable "$x"`);
  assert.is(refusal('{{if 1}}'), `${prefix}:1: unexpected EOF`);
  assert.is(refusal('{{end}}'), `${prefix}:1: unexpected {{end}}`);
  assert.is(refusal('{{.A}'), `${prefix}:1: bad character U+007D '}'`);
  assert.is(refusal("{{'ab'}}"), `${prefix}:1: malformed character constant: 'ab'`);
  assert.is(refusal('{{"\\q"}}'), `${prefix}:1: invalid syntax`);
});

test('mistakes in the data are named with line, column and expression', () => {
  const prefix = 'template parsing error: template: ';
  assert.is(refusal('{{.Nope}}'), `${prefix}:1:2: executing "" at <.Nope>: map has no entry for key "Nope"`);
  assert.is(
    refusal('é\né{{.A.Nope}}', { A: {} }),
    `${prefix}:2:6: executing "" at <.A.Nope>: map has no entry for key "Nope"`,
  );
  assert.is(refusal('{{len 3}}'), `${prefix}:1:2: executing "" at <len 3>: error calling len: len of type int`);
  assert.is(
    refusal('{{define "x"}}{{.A}}{{end}}{{template "x" .}}'),
    `${prefix}:1:16: executing "x" at <.A>: map has no entry for key "A"`,
  );
});

test('what objects inherit in JavaScript is not data', () => {
  for (const name of ['constructor', '__proto__', 'toString', 'hasOwnProperty']) {
    assert.match(refusal(`{{.${name}}}`), `map has no entry for key "${name}"`);
    assert.is(print(`{{index . "${name}"}}`), '<no value>');
    assert.match(refusal(`{{${name}}}`), 'not defined');
  }
  assert.match(refusal('{{.length}}', []), "can't evaluate field length");
  assert.is(print('{{.__proto__}}{{json .}}', JSON.parse('{"__proto__":1}')), '1{"__proto__":1}');
});

test('deep nesting and endless templates end with a message', () => {
  assert.match(refusal(`{{${'('.repeat(50_000)}1${')'.repeat(50_000)}}}`), 'nested too deeply');
  assert.match(refusal('{{define "x"}}{{template "x"}}{{end}}{{template "x"}}'), 'exceeded maximum template depth');
  assert.is(print('{{/* c */}}'.repeat(50_000)), '');
});

test('whole numbers are ints of any size, others floats', () => {
  assert.is(
    print('{{.a}} {{.b}} {{.c}} {{.d}}', { a: 9007199254740991, b: 12345678901234567890n, c: 1.5, d: -0.25 }),
    '9007199254740991 12345678901234567890 1.5 -0.25',
  );
  assert.is(print('{{printf "%d|%5d|%-5d|%05d|%x" . . . . .}}', 255), '255|  255|255  |00255|ff');
  assert.is(print('{{printf "%.2f|%8.3f|%s|%q|%t|%%" 1.005 2.5 "a" "b" true}}'), '1.00|   2.500|a|"b"|true|%');
});

test('a typed map has a zero value for what it lacks', () => {
  const data = { labels: new TypedMap({ b: '2', a: '1' }, ''), none: new TypedMap(null, '') };
  assert.is(
    print('{{.labels.x}}|{{index .labels "x"}}|{{.labels}}|{{json .labels}}|{{len .labels}}', data),
    '<no value>||map[a:1 b:2]|{"a":"1","b":"2"}|2',
  );
  assert.is(print('{{.none}}|{{json .none}}|{{range .none}}{{else}}none{{end}}', data), 'map[]|null|none');
});

test('inspectShape knows the maps of docker and its name for the id', () => {
  const container = { Id: 'abc', Config: { Labels: { a: 'b' }, Volumes: null } };
  const shaped = inspectShape(container);
  assert.is(
    print('{{.ID}} {{.Id}} {{index .Config.Labels "x"}}|{{.Config.Labels.a}} {{.Config.Volumes}}', shaped),
    'abc abc |b map[]',
  );
  assert.is(print('{{json .}}', shaped), JSON.stringify(container));
  assert.equal(container, { Id: 'abc', Config: { Labels: { a: 'b' }, Volumes: null } });
});

test('functions in the data are methods', () => {
  const data = { Label: (name: string) => `<${name}>`, Name: 'x' };
  assert.is(print('{{.Label "a"}} {{"b" | .Label}} {{json .}}', data), '<a> <b> {"Name":"x"}');
  assert.match(refusal('{{.Label}}', data), 'wrong number of args for Label: want 1 got 0');
  assert.match(refusal('{{.Name 1}}', data), 'Name is not a method but has arguments');
});

test.run();
