import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseCsvLine } from '../../../src/engine/options/parse-csv-line.ts';
import { parseMount } from '../../../src/engine/options/parse-mount.ts';
import { parseMountTarget } from '../../../src/engine/options/parse-mount-target.ts';
import { parseTmpfs } from '../../../src/engine/options/parse-tmpfs.ts';
import { parseVolume } from '../../../src/engine/options/parse-volume.ts';
import type { BindMount, TmpfsMount } from '../../../src/engine/run-options.ts';
import { failure, reads, refuses } from './tables.ts';

const test = suite('options/mounts');

function bind(source: string, target: string, more: Partial<BindMount> = {}): BindMount {
  const plain = {
    readonly: false,
    propagation: undefined,
    nonRecursive: false,
    readonlyRecursive: false,
    createSource: false,
  };
  return { type: 'bind', source, target, ...plain, ...more };
}

function tmpfs(target: string, more: Partial<TmpfsMount> = {}): TmpfsMount {
  return { type: 'tmpfs', target, readonly: false, size: undefined, mode: undefined, options: [], ...more };
}

reads(test, parseMountTarget, [
  ['/a', '/a'],
  ['/a//b/./c/../', '/a/b'],
  ['/../a', '/a'],
  ['/sys', '/sys'],
  ['/sys/fs/cgroup', '/sys/fs/cgroup'],
  ['/dev/shm', '/dev/shm'],
  ['/proc/cpuinfo', '/proc/cpuinfo'],
  ['/procfs', '/procfs'],
]);

refuses(test, parseMountTarget, [
  ['', /mount path must be absolute/],
  ['a', "invalid mount path: 'a' mount path must be absolute"],
  ['/', "invalid specification: destination can't be '/'"],
  ['/a/..', /destination can't be '\/'/],
  ['/a\0b', /NUL/],
  ['/dev', /made by tsrun/],
  ['/dev/', /made by tsrun/],
  // CVE-2019-16884, CVE-2023-27561: procfs write redirect
  ['/proc', /inside \/proc/],
  ['/proc/self/attr', /inside \/proc/],
  ['/x/../proc/sys', /inside \/proc/],
  ['//proc/self', /inside \/proc/],
]);

const volume = (text: string) => parseVolume(text, '/home/me');
const made = { createSource: true };

reads(test, volume, [
  ['/a:/b', bind('/a', '/b', made)],
  ['/a/:/b/', bind('/a', '/b', made)],
  ['./a:/b', bind('/home/me/a', '/b', made)],
  ['.:/b', bind('/home/me', '/b', made)],
  ['../x:/b', bind('/home/x', '/b', made)],
  ['/:/host', bind('/', '/host', made)],
  ['/a:/b:ro', bind('/a', '/b', { ...made, readonly: true })],
  ['/a:/b:rw', bind('/a', '/b', made)],
  ['/a:/b:z', bind('/a', '/b', made)],
  ['/a:/b:ro,Z,rslave,cached', bind('/a', '/b', { ...made, readonly: true, propagation: 'rslave' })],
  ['/a:/b:shared', bind('/a', '/b', { ...made, propagation: 'shared' })],
]);

refuses(test, volume, [
  ['', "invalid volume specification: ''"],
  [':', /invalid volume specification/],
  ['/a:/b:ro:x', "invalid volume specification: '/a:/b:ro:x'"],
  ['/a:', /invalid volume specification/],
  [':/b', /invalid volume specification/],
  ['/a:ro', "invalid volume specification: '/a:ro'"],
  ['/a:b', /'b' mount path must be absolute/],
  ['/a:/b:bad', 'invalid mode: bad'],
  ['/a:/b:ro,rw', 'invalid mode: ro,rw'],
  ['/a:/b:ro,ro', 'invalid mode: ro,ro'],
  ['/a:/b:nocopy', /nocopy is for volumes/],
  ['/a:/', /destination can't be/],
  ['/data', /anonymous volumes are not supported/],
  ['data:/b', /'data' is a volume name/],
  ['~/a:/b', /volume name/],
  ['=/a:/b', /volume name/],
]);

test('a named volume: the hint says what to do', () => {
  assert.is(failure(() => volume('data:/b')).hint, 'named volumes arrive later; give an absolute directory');
});

const mount = (text: string) => parseMount(text, '/home/me');

reads(test, mount, [
  ['type=bind,source=/a,target=/b', bind('/a', '/b')],
  ['type=bind,src=./a,dst=/b,ro', bind('/home/me/a', '/b', { readonly: true })],
  ['TYPE=BIND,Source=/a,destination=/b,readonly=false', bind('/a', '/b')],
  [
    'type=bind,src=/a,dst=/b,readonly=1,bind-propagation=RShared',
    bind('/a', '/b', { readonly: true, propagation: 'rshared' }),
  ],
  ['type=bind,src=/a,dst=/b,bind-recursive=disabled', bind('/a', '/b', { nonRecursive: true })],
  ['type=bind,src=/a,dst=/b,ro,bind-recursive=writable', bind('/a', '/b', { readonly: true })],
  [
    'type=bind,src=/a,dst=/b,ro,bind-recursive=readonly,bind-propagation=rprivate',
    bind('/a', '/b', { readonly: true, readonlyRecursive: true, propagation: 'rprivate' }),
  ],
  ['type=bind,src=/a,dst=/b,bind-create-src,consistency=cached', bind('/a', '/b', { createSource: true })],
  ['type=bind,"source=/a,b",target=/c', bind('/a,b', '/c')],
  ['type=bind,"source=/a""b",target=/c', bind('/a"b', '/c')],
  ['type=bind,source=/a=b,target=/c', bind('/a=b', '/c')],
  [' type=tmpfs,target=/t ', tmpfs('/t')],
  ['type=tmpfs,target=/t,tmpfs-size=64m,tmpfs-mode=1777', tmpfs('/t', { size: 64 * 1024 ** 2, mode: 0o1777 })],
  ['type=tmpfs,target=/t,readonly', tmpfs('/t', { readonly: true })],
]);

refuses(test, mount, [
  ['', 'value is empty'],
  ['type=bind,source=/a', 'invalid mount config for type "bind": field Target must not be empty'],
  ['type=bind,target=/a', 'invalid mount config for type "bind": field Source must not be empty'],
  ['type=bind,source=a,target=/b', "invalid mount path: 'a' mount path must be absolute"],
  ['type=bind,source=/a,target=/proc/sys', /inside \/proc/],
  ['type=bind,source=/a,target=', "invalid value for 'target': value is empty"],
  ['type=bind,source=/a, target=/b', "invalid option 'target' in ' target=/b': option should not have whitespace"],
  ['type=bind,source= /a,target=/b', /value should not have whitespace/],
  ['type=bind,source,target=/b', "invalid field 'source' must be a key=value pair"],
  ['type=bind,source=/a,target=/b,', "invalid field '' must be a key=value pair"],
  ['type=bind,source=/a,target=/b,x=y', "unknown option 'x' in 'x=y'"],
  ['type=bind,source=/a,target=/b,__proto__=y', "unknown option '__proto__' in '__proto__=y'"],
  ['type=bind,source=/a,target=/b,ro=maybe', /invalid boolean value \("maybe"\)/],
  ['type=bind,source=/a,target=/b,bind-propagation=both', 'invalid propagation mode: both'],
  ['type=bind,source=/a,target=/b,bind-recursive=x', /invalid value for bind-recursive: x/],
  ['type=bind,source=/a,target=/b,bind-recursive=readonly', /requires 'readonly'/],
  ['type=bind,source=/a,target=/b,ro,bind-recursive=readonly', /requires 'bind-propagation=rprivate'/],
  ['type=bind,source=/a,target=/b,bind-nonrecursive', /use bind-recursive=disabled/],
  ['type=bind,source=/a,target=/b,tmpfs-size=1m', "cannot mix 'tmpfs-*' options with mount type 'bind'"],
  ['type=tmpfs,target=/b,bind-propagation=shared', "cannot mix 'bind-*' options with mount type 'tmpfs'"],
  ['type=tmpfs,target=/b,source=/a', 'invalid mount config for type "tmpfs": field Source must not be specified'],
  ['type=tmpfs,target=/b,tmpfs-size=big', 'invalid value for tmpfs-size: big'],
  ['type=tmpfs,target=/b,tmpfs-mode=9', 'invalid value for tmpfs-mode: 9'],
  ['type=tmpfs,target=/b,tmpfs-mode=70000', 'invalid value for tmpfs-mode: 70000'],
  ['source=a,target=/b', 'mounts of type volume are not supported'],
  ['type=image,target=/b', "mount type unknown: 'image'"],
  ['type=bind,source="/a",target=/b', /a quote in the wrong place/],
  ['"type=bind', /a quote in the wrong place/],
  ['type=bind,source=/a\n,target=/b', /line break/],
]);

reads(test, parseCsvLine, [
  ['', ['']],
  ['a', ['a']],
  ['a,', ['a', '']],
  ['a,,b', ['a', '', 'b']],
  ['"a,b",c', ['a,b', 'c']],
  ['""', ['']],
  ['"a""b"', ['a"b']],
]);

reads(test, parseTmpfs, [
  ['/run', tmpfs('/run')],
  ['/run:', tmpfs('/run')],
  [
    '/run:defaults,rw,noexec,size=64m,mode=1777',
    tmpfs('/run', { size: 64 * 1024 ** 2, mode: 0o1777, options: ['noexec'] }),
  ],
  ['/run:ro', tmpfs('/run', { readonly: true })],
  ['/run:ro,rw', tmpfs('/run')],
  ['/run:size=50%', tmpfs('/run', { options: ['size=50%'] })],
  ['/run:size=50%,size=1k', tmpfs('/run', { size: 1024 })],
  [
    '/run:uid=1000,gid=1000,nr_inodes=10k,exec',
    tmpfs('/run', { options: ['uid=1000', 'gid=1000', 'nr_inodes=10k', 'exec'] }),
  ],
  ['/run:mpol=bind:0', tmpfs('/run', { options: ['mpol=bind:0'] })],
]);

refuses(test, parseTmpfs, [
  ['run', /mount path must be absolute/],
  ['/', /destination can't be/],
  ['/run:bogus', 'invalid tmpfs option "bogus"'],
  ['/run:size', 'invalid tmpfs option "size"'],
  ['/run:size=', 'invalid tmpfs option "size="'],
  ['/run:size=64mb', 'invalid tmpfs option "size=64mb"'],
  ['/run:mode=999', 'invalid tmpfs option "mode=999"'],
  ['/run:uid=-1', 'invalid tmpfs option "uid=-1"'],
  ['/run:remount', 'invalid tmpfs option "remount"'],
  ['/run:bind', 'invalid tmpfs option "bind"'],
  ['/run:lowerdir=/', 'invalid tmpfs option "lowerdir=/"'],
]);

test.run();
