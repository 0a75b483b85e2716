import { statSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs, overlay, root, tool } from '../support/needs.ts';
import { until } from '../support/tsrun.ts';
import { World } from '../support/world.ts';

const test = needs(suite('the host’s null device'), root(), overlay(), tool('cc'));
let world: World;
test.before(async () => {
  world = await World.open();
});
test.after(() => world?.close());

/** The inode, as `stat -c %d:%i` prints it: who has it can change its mode, owner and times. */
const ofHost = (): string => {
  const { dev, ino } = statSync('/dev/null');
  return `${dev}:${ino}`;
};
const inode = (path: string): string => `stat -L -c %d:%i ${path}`;
const device = (path: string): string => `stat -L -c %F:%t:%T:%a ${path}`;
const NULL_DEVICE = 'character special file:1:3:666';
const STREAMS = `for fd in 0 1 2; do ${inode('/proc/self/fd/$fd')}; ${device('/proc/self/fd/$fd')}; done`;

test('run: what is no stream and what hides a file is the container’s own, and can be changed', () => {
  const script = `${inode('/dev/null')}; ${inode('/proc/self/fd/0')}; ${inode('/proc/keys')}; ${device('/proc/keys')}
    ${device('/proc/self/fd/0')}; touch -d 2001-01-01 /proc/self/fd/0 && chmod 640 /proc/keys && stat -c %Y:%a /dev/null`;
  const before = statSync('/dev/null');
  const [own, stdin, mask, ...rest] = world.shell(script).split('\n');
  assert.equal([stdin, mask], [own, own]);
  assert.is.not(own, ofHost());
  assert.equal(rest, [NULL_DEVICE, NULL_DEVICE, '978307200:640']);
  assert.equal([statSync('/dev/null').mode, statSync('/dev/null').mtimeMs], [before.mode, before.mtimeMs]);
});

test('run: a volume on /dev/null hides no file and is no stream', () => {
  const script = `${inode('/dev/null')}; ${inode('/proc/self/fd/0')}; ${inode('/proc/keys')}`;
  const [covered, stdin, mask] = world.shell(script, ['-v', '/dev/null:/dev/null']).split('\n');
  assert.is(covered, ofHost(), 'as it was asked for');
  assert.is.not(stdin, ofHost());
  assert.is(mask, stdin);
});

/** What a hostile container may have at /dev/null: none of it may be opened, waited for or believed. */
const REPLACED = {
  'as it was': 'true',
  'a fifo': 'rm /dev/null; mkfifo /dev/null',
  'a link': 'rm /dev/null; ln -s /dev/zero /dev/null',
  'another device': 'rm /dev/null; mknod /dev/null c 1 5',
  'not there': 'rm /dev/null',
};

for (const [what, replace] of Object.entries(REPLACED)) {
  test(`exec: no stream is the host’s null device, nor what the container has in its place: ${what}`, async () => {
    const name = what.replaceAll(' ', '-');
    const live = world.start(['sh', '-c', `${replace}; echo up; exec sleep 600`], ['--name', name]);
    await live.waitFor('up');
    const exec = (script: string, ...flags: string[]) => world.tsrun.run(['exec', ...flags, name, 'sh', '-c', script]);
    const foreground = exec(`${STREAMS}; cat; echo read`);
    assert.is(foreground.code, 0, foreground.stderr);
    const [stdin, kind] = foreground.stdout.split('\n');
    assert.is.not(stdin, ofHost());
    assert.is(kind, NULL_DEVICE);
    assert.match(foreground.stdout, /\nread\n$/, 'it reads as empty');

    const detached = exec(`(${STREAMS}) > /tmp/out; cat; echo lost; mv /tmp/out /tmp/end`, '-d');
    assert.is(detached.code, 0, detached.stderr);
    let lines: string[] = [];
    await until('the detached command', () => {
      lines = exec('cat /tmp/end').stdout.split('\n');
      return lines.length > 1;
    });
    for (const fd of [0, 2]) {
      assert.is.not(lines[2 * fd], ofHost(), `${fd}`);
      assert.is(lines[2 * fd + 1], NULL_DEVICE, `${fd}`);
    }
    assert.is(lines[0], lines[4], 'all of them the same');
  });
}

test('exec --user: the null device is opened anew by whoever the user is, and stays root’s', async () => {
  const live = world.start(['sh', '-c', 'echo up; exec sleep 600'], ['--name', 'other-user']);
  await live.waitFor('up');
  const script = 'cat /dev/stdin && echo x > /proc/self/fd/0 && stat -L -c %u /proc/self/fd/0';
  const { code, stdout, stderr } = world.tsrun.run(['exec', '-u', '65534', 'other-user', 'sh', '-c', script]);
  assert.equal([code, stdout], [0, '0\n'], stderr);
});

test.run();
