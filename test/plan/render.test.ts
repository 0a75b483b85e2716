import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AT, CLONE, FS_MAGIC, IOCTL, MS, O, PR, RLIMIT } from '../../src/kernel/constants.ts';
import { fdPath, slot } from '../../src/plan/arguments.ts';
import { planToJson, renderCall, renderPlan } from '../../src/plan/render.ts';
import { type Step, step } from '../../src/plan/step.ts';

const test = suite('render');

const calls: [Step, string][] = [
  [
    step(
      'mount',
      { source: 'proc', target: fdPath('target'), filesystemtype: 'proc', mountflags: MS.MS_NOSUID, data: null },
      'why',
    ),
    'mount("proc", <target>, "proc", MS_NOSUID, NULL)',
  ],
  [
    step('openat', { dirfd: AT.AT_FDCWD, pathname: 'a "b"', flags: O.O_CREAT | O.O_WRONLY, mode: 0o644 }, 'why'),
    'openat(AT_FDCWD, "a \\"b\\"", O_WRONLY|O_CREAT, 0644)',
  ],
  [step('close', { fd: slot('root') }, 'why'), 'close(root)'],
  [step('setsid', {}, 'why'), 'setsid()'],
  [step('ioctl', { fd: 0, request: IOCTL.TIOCSCTTY, arg: 0 }, 'why'), 'ioctl(0, TIOCSCTTY, 0)'],
  [step('ioctl', { fd: 0, request: 0x1234, arg: null }, 'why'), 'ioctl(0, 0x1234, NULL)'],
  [
    step('ioctl', { fd: 0, request: IOCTL.TIOCSPTLCK, arg: { bytes: Buffer.alloc(4), shown: '[0]' } }, 'why'),
    'ioctl(0, TIOCSPTLCK, [0])',
  ],
  [step('check_fs', { fd: slot('x'), magic: FS_MAGIC.PROC_SUPER_MAGIC }, 'why'), 'check_fs(x, PROC_SUPER_MAGIC)'],
  [
    step('prctl', { option: PR.PR_SET_DUMPABLE, arg2: 1n, arg3: 0, arg4: 0, arg5: 0 }, 'why'),
    'prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)',
  ],
  [
    step('prlimit64', { pid: 0, resource: RLIMIT.nofile, new_limit: null, old_limit: null }, 'why'),
    'prlimit64(0, RLIMIT_NOFILE, NULL, NULL)',
  ],
  [step('drop_bounding', { keep: 0xa80425fbn }, 'why'), 'drop_bounding(0xa80425fb)'],
  [
    step('exec', { candidates: ['/bin/a'], argv: ['a', 'ü\n'], envp: [] }, 'why'),
    'exec(["/bin/a"], ["a", "ü\\n"], [])',
  ],
  [
    step('clone', { flags: CLONE.CLONE_NEWPID, child: [], cgroup: null, pidfd: null }, 'why'),
    'clone3({flags=CLONE_VM|CLONE_VFORK|CLONE_PIDFD|CLONE_CLEAR_SIGHAND|CLONE_NEWPID, exit_signal=SIGCHLD})',
  ],
  [
    step('clone', { flags: 0, child: [], cgroup: slot('cgroup'), pidfd: slot('pidfd') }, 'why'),
    'clone3({flags=CLONE_VM|CLONE_VFORK|CLONE_PIDFD|CLONE_CLEAR_SIGHAND|CLONE_INTO_CGROUP, pidfd=&pidfd, cgroup=cgroup, exit_signal=SIGCHLD})',
  ],
];
for (const [one, expected] of calls) test(expected, () => assert.is(renderCall(one), expected));

test('a long text is cut, and says so', () => {
  const call = renderCall(step('chdir', { path: 'x'.repeat(1000) }, 'why'));
  assert.ok(call.length < 600);
  assert.match(call, /x\.\.\."\)$/);
});

test('one line a step: outcome and why behind the call, children beneath their clone', () => {
  const child = [step('setsid', {}, 'alone'), step('execve', { pathname: '/x', argv: ['x'], envp: [] }, 'go')];
  const steps = [
    step('mkdirat', { dirfd: AT.AT_FDCWD, pathname: '/a', mode: 0o755 }, 'a place', {
      expect: { EEXIST: 0, EROFS: 2 },
    }),
    step('umask', { mask: 0o22 }, 'modes', { save: 'old', thenSkip: 1 }),
    step('unlinkat', { dirfd: AT.AT_FDCWD, pathname: '/a', flags: 0 }, 'undo', { ignoreErrors: true }),
    step('clone', { flags: 0, child, cgroup: null, pidfd: null }, 'a child', { save: 'pid' }),
    step('close', { fd: 3 }, 'done'),
  ];
  assert.equal(renderPlan(steps), [
    'mkdirat(AT_FDCWD, "/a", 0755) [EEXIST: go on] [EROFS: skip 2]  # a place',
    'umask(022) = old [then skip 1]  # modes',
    'unlinkat(AT_FDCWD, "/a", 0) [errors ignored]  # undo',
    'clone3({flags=CLONE_VM|CLONE_VFORK|CLONE_PIDFD|CLONE_CLEAR_SIGHAND, exit_signal=SIGCHLD}) = pid  # a child',
    '  setsid()  # alone',
    '  execve("/x", ["x"], [])  # go',
    'close(3)  # done',
  ]);
});

test('for programs: the same, with every argument by its name', () => {
  const exec = step('execve', { pathname: '/x', argv: ['x'], envp: [] }, 'go');
  const steps = [
    step('close', { fd: slot('x') }, 'done', { save: 's', expect: { EBADF: 1 }, thenSkip: 2, ignoreErrors: true }),
    step('clone', { flags: CLONE.CLONE_NEWNS, child: [exec], cgroup: null, pidfd: null }, 'a child'),
  ];
  assert.equal(planToJson(steps), [
    {
      call: 'close(x)',
      name: 'close',
      arguments: { fd: 'x' },
      why: 'done',
      save: 's',
      expect: { EBADF: 1 },
      thenSkip: 2,
      ignoreErrors: true,
    },
    {
      call: 'clone3({flags=CLONE_VM|CLONE_VFORK|CLONE_PIDFD|CLONE_CLEAR_SIGHAND|CLONE_NEWNS, exit_signal=SIGCHLD})',
      name: 'clone3',
      arguments: { flags: 'CLONE_NEWNS' },
      why: 'a child',
      child: [
        {
          call: 'execve("/x", ["x"], [])',
          name: 'execve',
          arguments: { pathname: '"/x"', argv: '["x"]', envp: '[]' },
          why: 'go',
        },
      ],
    },
  ]);
});

test.run();
