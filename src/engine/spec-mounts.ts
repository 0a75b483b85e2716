import type { Mount, RootfsPropagation } from '../spec/oci.ts';
import type { BindMount, MountOption, RunOptions, TmpfsMount } from './run-options.ts';
import { defaultMounts } from './spec-defaults.ts';
import type { SpecFacts } from './spec-facts.ts';

/**
 * Docker's list: its own mounts, less those that the user replaces, then the user's and the three files by depth, so that
 * no mount hides a later one. Equal depth keeps the order: binds, files, tmpfs.
 */
export function specMounts(options: RunOptions, facts: SpecFacts): Mount[] {
  const files = hostFiles(facts);
  const targets = new Set(options.mounts.map((mount) => mount.target));
  const binds = options.mounts.filter((mount) => mount.type === 'bind' && !files.has(mount.target));
  const added = [
    ...binds.map(userMount),
    ...[...files].flatMap(([target, source]) => fileMount(target, source, options)),
    ...options.mounts.filter((mount) => mount.type === 'tmpfs').map(userMount),
  ];
  added.sort((a, b) => depth(a.destination) - depth(b.destination));
  const own = defaultMounts().filter((mount) => !targets.has(mount.destination));
  return [...(options.privileged ? own.map(writable) : own), ...added];
}

/** A shared or slave bind works only when the root's own propagation lets events through. `undefined`: the runtime's default. */
export function rootPropagation(mounts: readonly MountOption[]): RootfsPropagation | undefined {
  const wanted = mounts.map((mount) => (mount.type === 'bind' ? mount.propagation : undefined));
  if (wanted.some((propagation) => propagation === 'shared' || propagation === 'rshared')) return 'shared';
  if (wanted.some((propagation) => propagation === 'slave' || propagation === 'rslave')) return 'rslave';
  return undefined;
}

/** In Docker's order. */
function hostFiles(facts: SpecFacts): Map<string, string> {
  return new Map([
    ['/etc/resolv.conf', facts.hostFiles.resolvConf],
    ['/etc/hostname', facts.hostFiles.hostname],
    ['/etc/hosts', facts.hostFiles.hosts],
  ]);
}

/**
 * One of the three files: the user's in its place when there is one. Docker keeps its own propagation even then, and
 * --read-only covers these files too. A tmpfs there replaces the file.
 */
function fileMount(target: string, source: string, options: RunOptions): Mount[] {
  const mine = options.mounts.find((mount) => mount.target === target);
  if (mine?.type === 'tmpfs') return [];
  const readonly = mine?.readonly ?? options.readOnly;
  return [
    {
      destination: target,
      type: 'bind',
      source: mine?.source ?? source,
      options: ['rbind', ...(readonly ? ['ro'] : []), 'rprivate'],
    },
  ];
}

function userMount(mount: MountOption): Mount {
  return mount.type === 'bind' ? bindMount(mount) : tmpfsMount(mount);
}

function bindMount(mount: BindMount): Mount {
  const access = mount.readonlyRecursive ? ['rro'] : mount.readonly ? ['ro'] : [];
  return {
    destination: mount.target,
    type: 'bind',
    source: mount.source,
    options: [mount.nonRecursive ? 'bind' : 'rbind', ...access, mount.propagation ?? 'rprivate'],
  };
}

function tmpfsMount(mount: TmpfsMount): Mount {
  const given = [
    ...(mount.readonly ? ['ro'] : []),
    ...(mount.mode === undefined ? [] : [`mode=${mount.mode.toString(8)}`]),
    ...(mount.size === undefined ? [] : [`size=${shortSize(mount.size)}`]),
    ...mount.options,
  ];
  return {
    destination: mount.target,
    type: 'tmpfs',
    source: 'tmpfs',
    options: lastOfEach(['noexec', 'nosuid', 'nodev', 'rprivate', ...given]),
  };
}

/** Words that speak of the same flag share a meaning; of those the last one stays, in its place. */
function lastOfEach(words: readonly string[]): string[] {
  const last = new Map(words.map((word, index) => [meaning(word), index]));
  return words.filter((word, index) => last.get(meaning(word)) === index);
}

function meaning(word: string): string {
  if (/^r?(private|shared|slave|unbindable)$/.test(word)) return 'propagation';
  if (word === 'async') return 'sync';
  return word.replace(/=.*$/s, '').replace(/^no(?=suid|dev|exec|atime|diratime|relatime|strictatime)/, '');
}

/** The largest unit that divides it, as Docker writes sizes for tmpfs(5). */
function shortSize(bytes: number): string {
  for (const [unit, power] of [
    ['g', 3],
    ['m', 2],
    ['k', 1],
  ] as const) {
    if (bytes > 0 && bytes % 1024 ** power === 0) return `${bytes / 1024 ** power}${unit}`;
  }
  return String(bytes);
}

/** --privileged: /sys and the cgroups may be written to. */
function writable(mount: Mount): Mount {
  if (mount.destination !== '/sys' && mount.type !== 'cgroup') return mount;
  return { ...mount, options: (mount.options ?? []).filter((option) => option !== 'ro') };
}

function depth(path: string): number {
  return path.split('/').length;
}
