import type { Tsrun } from '../support/tsrun.ts';
import { expectOk } from '../support/tsrun.ts';

/** What a command line of a scene works on, and how it ends when nothing is struck. */
export interface Scene {
  name: string;
  words(tsrun: Tsrun): string[];
  /** Before each time. */
  prepare?(tsrun: Tsrun): Promise<void> | void;
  /** Whether the container is meant to run on afterwards: whatever becomes of the command line, or when it has succeeded. */
  runs?: 'always' | 'then';
}

export const NAME = 'struck';
export const OTHER_NAME = 'struck-again';

/** What a swallowed error would change: privileges, limits, mounts, descriptors, devices. */
const SAY = `
  while read -r key rest; do case $key in Cap*|NoNew*|Seccomp:|Groups:|Uid:|Gid:|NSpid:) echo "$key $rest";; esac; done </proc/self/status
  while read -r id parent dev root at options rest; do echo "$at $options \${rest#*- }"; done </proc/self/mountinfo | while read -r at options type source super; do
    case $type in overlay) echo "$at $options $type";; *) echo "$at $options $type $super";; esac; done
  for fd in /proc/self/fd/*; do test -e "$fd" && echo "\${fd##*/}"; done; ulimit -a; umask; pwd
  while IFS=: read -r n controllers path; do echo "$n $controllers"; done </proc/self/cgroup
  ls -l /dev /proc/self/ns 2>/dev/null | while read -r mode n user group rest; do echo "$mode $user $group"; done
  while read -r word; do echo "score $word"; done </proc/self/oom_score_adj
  test "$(cat /proc/sys/kernel/hostname)" = "\${HOSTNAME}" && echo named; echo ok`;

const KEPT = ['run', '--name', NAME];
const shell = (script: string): string[] => ['sh', '-c', script];

const keep = (tsrun: Tsrun): void => {
  expectOk(tsrun.run([...KEPT, tsrun.rootfs, ...shell(SAY)]));
};
const DETACHED = ['run', '-d', '--name', NAME];
const launch = (tsrun: Tsrun): void => {
  expectOk(tsrun.run([...DETACHED, tsrun.rootfs, 'sleep', '600']));
};
const make = (tsrun: Tsrun): void => {
  expectOk(tsrun.run(['create', '--name', NAME, tsrun.rootfs, 'sleep', '600']));
};
/** It hears the stop signal, and takes a moment. */
const listen = async (tsrun: Tsrun): Promise<void> => {
  await tsrun.container(NAME, 'trap "sleep 0.05; exit 3" TERM; echo ready; while :; do sleep 600 & wait $!; done');
};
const paused = (tsrun: Tsrun): void => {
  launch(tsrun);
  expectOk(tsrun.run(['pause', NAME]));
};

export const SCENES: readonly Scene[] = [
  { name: 'run', words: (tsrun) => [...KEPT, tsrun.rootfs, ...shell(SAY)] },
  { name: 'run --rm', words: (tsrun) => [...KEPT, '--rm', tsrun.rootfs, ...shell(SAY)] },
  {
    name: 'run -t --init',
    words: (tsrun) => [
      ...[...KEPT, '-t', '--init', '--network', 'none', '-w', '/new/directory', '-v', `${tsrun.directory}/volume:/v`],
      ...[tsrun.rootfs, ...shell(SAY)],
    ],
  },
  { name: 'start', prepare: keep, words: () => ['start', '-a', NAME] },
  { name: 'run -d', words: (tsrun) => [...DETACHED, tsrun.rootfs, 'sleep', '600'], runs: 'then' },
  { name: 'start -d', prepare: make, words: () => ['start', NAME], runs: 'then' },
  { name: 'restart', prepare: launch, words: () => ['restart', '-t', '0', NAME], runs: 'then' },
  { name: 'exec', prepare: launch, words: () => ['exec', NAME, ...shell(SAY)], runs: 'always' },
  { name: 'create', words: (tsrun) => ['create', '--name', NAME, tsrun.rootfs, 'true'] },
  { name: 'stop', prepare: listen, words: () => ['stop', '-t', '1', NAME] },
  { name: 'kill', prepare: launch, words: () => ['kill', NAME] },
  { name: 'pause', prepare: launch, words: () => ['pause', NAME] },
  { name: 'unpause', prepare: paused, words: () => ['unpause', NAME] },
  { name: 'rename', prepare: keep, words: () => ['rename', NAME, OTHER_NAME] },
  { name: 'rm', prepare: keep, words: () => ['rm', NAME] },
  { name: 'rm -f', prepare: launch, words: () => ['rm', '-f', NAME] },
];

export function sceneOf(name: string): Scene {
  const scene = SCENES.find((one) => one.name === name);
  if (scene === undefined) throw new Error(`no scene ${name}`);
  return scene;
}
