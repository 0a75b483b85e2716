import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs, overlay, root } from '../support/needs.ts';
import { expectOk, openTsrun, type Tsrun } from '../support/tsrun.ts';

const test = needs(suite('a container that is not there: Docker’s code is 1'), root(), overlay());
let tsrun: Tsrun;

test.before(async () => {
  tsrun = await openTsrun();
});
test.after(() => tsrun?.close());

const ONE =
  'logs|logs -f|top|stats|stats --no-stream|diff|diff --stat|diff --watch|attach|start|start -a|start -a -i|wait|kill|kill -s TERM|' +
  'pause|unpause|restart|stop|stop -t 1|rm|rm -f';

const verbs: readonly (readonly string[])[] = [
  ...ONE.split('|').map((verb) => [...verb.split(' '), 'nobody']),
  ['rename', 'nobody', 'somebody'],
  ['exec', 'nobody', 'true'],
  ['exec', '-d', 'nobody', 'true'],
  ['exec', '-i', 'nobody', 'true'],
];

for (const words of verbs)
  test(words.join(' '), () => {
    // The bundle of all verbs, and that of one verb where there is one.
    for (const way of [words, ['--log-level', 'info', ...words]]) {
      const { code, stdout, stderr } = tsrun.run(way);
      assert.equal([code, stdout], [1, ''], stderr);
      assert.match(stderr, /^tsrun: No such container: nobody\nhint: /);
    }
  });

test('inspect: Docker’s words are others', () => {
  assert.equal(tsrun.run(['inspect', 'nobody']), {
    code: 1,
    stdout: '[]\n',
    stderr: 'Error: No such object: nobody\n',
  });
});

test('the start of an id that several have', () => {
  const ids = Array.from({ length: 17 }, () => expectOk(tsrun.run(['create', tsrun.rootfs, 'true'])).trim()); // of 16 digits, one twice
  const twice = [...'0123456789abcdef'].find((digit) => ids.filter((id) => id.startsWith(digit)).length > 1);
  for (const words of [['logs'], ['exec'], ['stop']]) {
    const { code, stderr } = tsrun.run([...words, twice ?? '', ...(words[0] === 'exec' ? ['true'] : [])]);
    assert.is(code, 1);
    assert.match(stderr, `multiple IDs found with provided prefix: ${twice}`);
  }
});

test('attach to one that does not run', () => {
  expectOk(tsrun.run(['create', '--name', 'asleep', tsrun.rootfs, 'true']));
  const { code, stderr } = tsrun.run(['attach', 'asleep']);
  assert.is(code, 1);
  assert.match(stderr, 'You cannot attach to a stopped container');
});

test('a name that is taken: 125 of run, 1 of create', () => {
  expectOk(tsrun.run(['create', '--name', 'taken', tsrun.rootfs, 'true']));
  const codes = ['run', 'create'].map((verb) => tsrun.run([verb, '--name', 'taken', tsrun.rootfs, 'true']).code);
  assert.equal(codes, [125, 1]);
});

test('an option that there is not: 125; too few or too many words, or an unknown verb: 1', () => {
  const code = (...words: string[]) => tsrun.run(words).code;
  assert.equal(
    [code('stop', '--bogus', 'x'), code('create', '--bogus', 'x'), code('run', '-v', '', 'x')],
    [125, 125, 125],
  );
  assert.equal(
    [code('create'), code('logs'), code('rename', 'one'), code('ps', 'a', 'b'), code('bogus')],
    [1, 1, 1, 1, 1],
  );
});

test('--time is what --timeout was called', () => {
  expectOk(
    tsrun.run(['run', '-d', '--name', 'old', tsrun.rootfs, 'sh', '-c', 'trap "" TERM; while :; do sleep 0.1; done']),
  );
  assert.is(expectOk(tsrun.run(['stop', '--time', '0', 'old'])), 'old\n');
  assert.not.match(expectOk(tsrun.run(['stop', '--help'])), '--time ');
});

test.run();
