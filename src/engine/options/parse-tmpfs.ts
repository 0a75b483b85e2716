import type { TmpfsMount } from '../run-options.ts';
import { parseMountTarget } from './parse-mount-target.ts';
import { usageError } from './usage-error.ts';

/** Words of mount(8) that make sense for a fresh tmpfs. Docker also takes `bind` and `remount` here, which cannot end well. */
const words = (): ReadonlySet<string> =>
  new Set([
    ...[
      'suid',
      'nosuid',
      'dev',
      'nodev',
      'exec',
      'noexec',
      'sync',
      'async',
      'dirsync',
      'atime',
      'noatime',
      'diratime',
      'nodiratime',
    ],
    ...['relatime', 'norelatime', 'strictatime', 'nostrictatime'],
    ...['private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave', 'unbindable', 'runbindable'],
  ]);

/** `key=value` of tmpfs(5), each with the form its value must have. */
const values = (): ReadonlyMap<string, RegExp> =>
  new Map([
    ['size', /^[0-9]{1,15}[kmgtp]?%?$/i],
    ['mode', /^[0-7]{1,4}$|^0[0-7]{4}$/],
    ['uid', /^[0-9]{1,9}$/],
    ['gid', /^[0-9]{1,9}$/],
    ['nr_inodes', /^[0-9]{1,15}[kmg]?$/i],
    ['nr_blocks', /^[0-9]{1,15}[kmg]?$/i],
    ['mpol', /^[a-z0-9:=-]+$/],
  ]);

const SHIFT: Readonly<Record<string, number>> = { k: 1, m: 2, g: 3, t: 4, p: 5 };

/** --tmpfs: `/run` or `/run:rw,noexec,size=64m,mode=1777`. A later word of the same meaning wins. */
export function parseTmpfs(text: string): TmpfsMount {
  const colon = text.indexOf(':');
  const result: TmpfsMount = {
    type: 'tmpfs',
    target: parseMountTarget(colon < 0 ? text : text.slice(0, colon)),
    readonly: false,
    size: undefined,
    mode: undefined,
    options: [],
  };
  for (const option of colon < 0 ? [] : text.slice(colon + 1).split(',')) apply(result, option);
  return result;
}

function apply(mount: TmpfsMount, option: string): void {
  if (option === '' || option === 'defaults') return;
  if (option === 'ro' || option === 'rw') {
    mount.readonly = option === 'ro';
    return;
  }
  if (words().has(option)) {
    mount.options.push(option);
    return;
  }
  const [key = '', value] = option.split(/=(.*)/s, 2);
  const form = values().get(key);
  if (form === undefined || value === undefined || !form.test(value))
    throw usageError(`invalid tmpfs option "${option}"`);
  if (key === 'mode') mount.mode = Number.parseInt(value, 8);
  else if (key === 'size') setSize(mount, value);
  else mount.options.push(option);
}

/** A percentage is of the machine's memory: the kernel's to work out. */
function setSize(mount: TmpfsMount, value: string): void {
  mount.options = mount.options.filter((option) => !option.startsWith('size='));
  mount.size = undefined;
  if (value.endsWith('%')) {
    mount.options.push(`size=${value}`);
    return;
  }
  const bytes = Number.parseInt(value, 10) * 1024 ** (SHIFT[value.slice(-1).toLowerCase()] ?? 0);
  if (!Number.isSafeInteger(bytes)) throw usageError(`invalid tmpfs option "size=${value}"`, 'the size is too large');
  mount.size = bytes;
}
