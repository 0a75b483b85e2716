import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs, overlay, root, tool } from '../support/needs.ts';
import { treeState } from '../support/tree-state.ts';
import type { Outcome } from '../support/tsrun.ts';
import { World, write } from '../support/world.ts';

const test = needs(suite('hostile root directory'), root(), overlay(), tool('cc'), tool('python3'));
let world: World;
let canary = '';
let canaryState = '';
test.before(async () => {
  world = await World.open();
  canary = join(world.dir, 'canary');
  mkdirSync(join(canary, 'sub'), { recursive: true });
  write(join(canary, 'file'), 'untouched');
});
test.after(() => world?.close());
test.before.each(() => {
  canaryState = treeState(canary);
});
test.after.each(() => {
  assert.is(treeState(canary), canaryState, 'the canary on the host');
  assert.not.match(readFileSync('/proc/self/mountinfo', 'utf8'), new RegExp(world.dir), 'no mount of ours on the host');
});

/** What a hostile image has in the place of a directory or file. */
const EVIL: [string, (path: string) => void][] = [
  ['a link to a directory of the host', (path) => symlinkSync(canary, path)],
  ['a link to a file of the host', (path) => symlinkSync(join(canary, 'file'), path)],
  ['a chain of ..', (path) => symlinkSync(`../../../../../../..${canary}/sub`, path)],
  ['a link to what is not there on the host', (path) => symlinkSync(join(canary, 'new/deep'), path)],
  ['a link through /proc', (path) => symlinkSync(`/proc/self/root/proc/1/root${canary}`, path)],
  ['a link to a descriptor', (path) => symlinkSync('/proc/self/fd/4', path)],
  ['a loop of links', (path) => symlinkSync(path.slice(path.lastIndexOf('/') + 1), path)],
  ['a fifo', (path) => void world.host('mkfifo', path)],
  ['a regular file', (path) => write(path, 'not a directory')],
  ['a block device', (path) => void world.host('mknod', path, 'b', '254', '0')],
];

/** `name` of a fresh copy is replaced. */
function spoilt(name: string, replace: (path: string) => void): string {
  const rootfs = world.copy();
  const path = join(rootfs, name);
  rmSync(path, { recursive: true, force: true });
  replace(path);
  return rootfs;
}

/** Either everything is inside and works, or nothing has run and the words say why. */
function worksOrRefuses({ code, stdout, stderr }: Outcome, what: string): void {
  if (code === 0) assert.match(stdout, /all inside\n$/, `${what}: ${stdout}${stderr}`);
  else {
    assert.is(code, 125, `${what}: ${stdout}${stderr}`);
    assert.is(stdout, '', what);
    assert.match(stderr, /^tsrun: run \S+: .*: E[A-Z]+.*\nhint: /s, what);
    assert.equal(world.ids(), [], `${what}: nothing is left`);
  }
}

const INSIDE = `
  fail() { echo "$1"; exit 3; }
  [ "$(stat -f -c %T /proc)" = proc ] || fail "/proc is $(stat -f -c %T /proc)"
  [ "$(stat -f -c %T /dev)" = tmpfs ] || fail "/dev is $(stat -f -c %T /dev)"
  [ "$(stat -f -c %T /sys)" = sysfs ] || fail "/sys is $(stat -f -c %T /sys)"
  [ "$(stat -c %t:%T /dev/null)" = 1:3 ] || fail "/dev/null is $(stat -c %t:%T /dev/null)"
  [ ! -e ${'$'}{CANARY} ] || fail "the canary is there"
  head -c1 /proc/keys | grep -q . && fail "/proc/keys can be read"
  cat /etc/hosts /etc/hostname /etc/resolv.conf > /tmp/read || fail "no host files"
  echo all inside`;

for (const name of [
  'dev',
  'proc',
  'sys',
  'etc',
  'etc/hosts',
  'etc/hostname',
  'etc/mtab',
  'dev/null',
  'dev/pts',
  'dev/console',
  'tmp/target',
  'tmp',
]) {
  test(`mount destination symlink (CVE-2021-30465, CVE-2019-19921, CVE-2024-45310, CVE-2025-31133, CVE-2025-52565): /${name}`, () => {
    for (const [what, replace] of EVIL) {
      const rootfs = spoilt(name, replace);
      const flags = ['-e', `CANARY=${canary}`, '-v', `${world.probe}:/tmp/target`];
      // Only then the shell's own scratch file has a place.
      const result = world.run(
        ['sh', '-c', INSIDE.replace('/tmp/read', '/var/read')],
        name.startsWith('tmp') ? flags : flags.slice(0, 2),
        { rootfs },
      );
      worksOrRefuses(result, `/${name} is ${what}`);
      // Before the init layer hides it, /etc is where the accounts are looked up.
      if (!name.startsWith('tmp') && !(name === 'etc' && what === 'a loop of links'))
        assert.is(result.code, 0, `/${name} is ${what}: the init layer hides it: ${result.stderr}`);
    }
  });
}

test('mount destination symlink (CVE-2021-30465): a volume’s target through links stays inside', () => {
  const rootfs = world.copy();
  symlinkSync(canary, join(rootfs, 'away'));
  symlinkSync('../../../../../..', join(rootfs, 'up'));
  symlinkSync('/proc/self/cwd', join(rootfs, 'magic'));
  const source = join(world.dir, 'source');
  mkdirSync(source);
  write(join(source, 'seen'), 'volume');
  for (const target of ['/away', '/away/new/dir', `/up${canary}`, '/up/up/etc/x', '/magic/x']) {
    const { code, stdout, stderr } = world.run(
      ['sh', '-c', 'cat "$0/seen"; grep -c . /proc/self/mountinfo >/dev/null', target],
      ['-v', `${source}:${target}`],
      { rootfs },
    );
    if (code === 0) assert.is(stdout, 'volume', `${target}: ${stderr}`);
    else assert.match(stderr, /^tsrun: run .*: in_root\(.*: E(LOOP|NOTDIR|NOENT|XDEV) /, target);
    assert.not.ok(existsSync(join(canary, 'new')), target);
  }
});

test('volumes (CVE-2022-23648): a tmpfs and a file on hostile links stay inside', () => {
  const rootfs = world.copy();
  symlinkSync(join(canary, 'made-by-a-mount'), join(rootfs, 'away'));
  for (const flags of [
    ['--tmpfs', '/away'],
    ['--tmpfs', '/away/x/y'],
    ['-v', `${world.probe}:/away`],
    ['-v', `${world.probe}:/away/x/f`],
  ]) {
    const { code, stderr } = world.run(['true'], flags, { rootfs });
    assert.ok(code === 0 || /^tsrun: run .*: E[A-Z]+ /.test(stderr), `${flags}: ${code} ${stderr}`);
  }
});

test('volumes (CVE-2019-19921): nothing is mounted on /proc', () => {
  const fake = join(world.dir, 'fake-proc');
  mkdirSync(join(fake, 'self'), { recursive: true });
  for (const flags of [
    ['-v', `${fake}:/proc`],
    ['-v', `${fake}:/proc/self`],
    ['--tmpfs', '/proc'],
    ['-v', `${fake}:/tmp/../proc`],
  ]) {
    const { code, stdout, stderr } = world.run(['sh', '-c', 'stat -f -c %T /proc /proc/self/'], flags);
    if (code === 0) assert.is(stdout, 'proc\nproc\n', `${flags}`);
    else assert.match(stderr, /^tsrun: .*\/proc/, `${flags}`);
  }
});

test('masked paths (CVE-2025-31133): /dev/null 1:3 or an empty directory, whatever the root has as /dev/null', () => {
  for (const [what, replace] of EVIL) {
    const rootfs = spoilt('dev/null', replace);
    const script = `
      for path in /proc/acpi /proc/asound /proc/interrupts /proc/kcore /proc/keys /proc/latency_stats /proc/sched_debug /proc/scsi \\
        /proc/timer_list /proc/timer_stats /sys/devices/virtual/powercap /sys/firmware; do
        [ -e $path ] || continue
        if [ -d $path ]; then [ -z "$(ls -A $path)" ] && ! (: > $path/x) 2>/dev/null || echo "$path is not empty";
        else [ "$(stat -c %F:%t:%T $path)" = "character special file:1:3" ] || echo "$path is $(stat -c %F:%t:%T $path)"; fi
      done; echo checked`;
    assert.is(world.shell(script, [], { rootfs }), 'checked', what);
  }
  const open = world.shell('head -c 3 /proc/interrupts | wc -c', ['--privileged']);
  assert.is(open, '3', 'without masks this machine has it: the test above can fail');
});

test('procfs write redirect (CVE-2019-16884, CVE-2025-52881): kernel settings cannot be written', () => {
  const script = `
    for path in /proc/sys/kernel/core_pattern /proc/sys/kernel/hostname /proc/sys/vm/drop_caches /proc/sysrq-trigger /proc/irq/default_smp_affinity /sys/kernel/mm/transparent_hugepage/enabled; do
      [ -e $path ] || continue
      if (printf 0 > $path) 2>/dev/null; then echo "$path written"; fi
    done; echo checked`;
  assert.is(world.shell(script), 'checked');
  assert.is(world.shell(script, ['--init']), 'checked');
  assert.is(
    world.shell('printf changed > /proc/sys/kernel/domainname && cat /proc/sys/kernel/domainname', ['--privileged']),
    'changed',
    'the same write can succeed',
  );
});

test('core_pattern: cannot be written with every capability but --privileged', () => {
  const before = readFileSync('/proc/sys/kernel/core_pattern', 'utf8');
  const { stdout } = world.run(
    ['sh', '-c', '(echo "|/tmp/x" > /proc/sys/kernel/core_pattern) 2>&1; echo end'],
    ['--cap-add', 'ALL', '--cap-drop', 'SYS_ADMIN'],
  );
  assert.match(stdout, /Read-only file system\nend\n$/);
  assert.is(readFileSync('/proc/sys/kernel/core_pattern', 'utf8'), before);
});

test.run();
