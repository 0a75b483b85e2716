import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Contestant } from './contest.ts';
import { findTool, type Machine, removeCgroup, tsrun } from './machine.ts';

const START_LIMIT_MS = 20_000;
const IMAGE = 'tsrun-bench';
const CGROUP = 'tsrun-bench';

const sleep = (ms: number): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
};

/** Repeats until it answers, within the limit. */
function within<T>(ms: number, look: () => T | undefined): T | undefined {
  for (const end = Date.now() + ms; Date.now() < end; sleep(20)) {
    const found = look();
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Asks the process to end, waits, and makes it. */
function endProcess(pid: number): void {
  const alive = (): boolean => {
    try {
      // A zombie of ours is reaped only by the event loop, which does not run meanwhile.
      return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
    } catch {
      return false;
    }
  };
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    if (!alive()) return;
    process.kill(pid, signal);
    within(START_LIMIT_MS, () => (alive() ? undefined : true));
  }
}

/**
 * A mount namespace for those that refuse a hybrid of both cgroup versions: without the second, and with nothing of theirs mounted
 * on the host. It lives as long as the process that holds it.
 */
function openMountNamespace(machine: Machine): string {
  const ready = join(machine.scratch, 'ready');
  const script = 'umount /sys/fs/cgroup/unified 2>/dev/null; : > "$0"; exec sleep 3600';
  const holder = spawn('unshare', ['--mount', 'sh', '-c', script, ready], { stdio: 'ignore' });
  machine.onClose(() => holder.kill('SIGKILL'));
  within(START_LIMIT_MS, () => existsSync(ready) || undefined);
  return `/proc/${holder.pid}/ns/mnt`;
}

const known = new WeakMap<Machine, Contestant[]>();

/** Everything that is installed and does what `tsrun run --rm ROOTFS true` does, or a part of it. Made once. */
export function peers(machine: Machine): Contestant[] {
  const made = known.get(machine) ?? findPeers(machine);
  known.set(machine, made);
  return made;
}

function findPeers(machine: Machine): Contestant[] {
  const mountNamespace = openMountNamespace(machine);
  const makers: Record<string, (namespace: string) => Contestant | undefined> = {
    docker: (namespace) => docker(machine, namespace),
    podman: (namespace) => podman(machine, namespace),
    runc: (namespace) => bundleRunner(machine, 'runc', namespace),
    crun: (namespace) => bundleRunner(machine, 'crun', namespace),
    bwrap: () => bwrap(machine),
    unshare: () => unshare(machine),
  };
  return Object.entries(makers).flatMap(([name, make]) => {
    if (findTool(name) === undefined) {
      machine.warn(`${name} is not installed: left out`);
      return [];
    }
    return make(mountNamespace) ?? [];
  });
}

/** A daemon of our own, on data of our own, without a bridge: the host's is left alone. */
function docker(machine: Machine, mountNamespace: string): Contestant | undefined {
  const daemon = findTool('dockerd');
  if (daemon === undefined) {
    machine.warn('docker is only a client here, there is no dockerd: left out');
    return undefined;
  }
  const at = join(machine.scratch, 'docker');
  mkdirSync(at);
  const host = `unix://${at}/docker.sock`;
  const places = [`--data-root=${at}/data`, `--exec-root=${at}/exec`, `--pidfile=${at}/pid`, `--host=${host}`];
  const simple = ['--bridge=none', '--iptables=false', '--ip6tables=false', '--log-level=error'];
  const enter = [`--mount=${mountNamespace}`, daemon];
  const started = spawn('nsenter', [...enter, ...places, ...simple], { stdio: 'ignore' });
  machine.onClose(() => {
    removeCgroup('docker');
    removeCgroup(CGROUP);
  });
  machine.onClose(() => started.pid && endProcess(started.pid));
  const client = (...args: string[]) => spawnSync('docker', ['--host', host, ...args], { timeout: START_LIMIT_MS });
  if (within(START_LIMIT_MS, () => (client('version').status === 0 ? true : undefined)) === undefined) {
    machine.warn('dockerd does not start here: left out');
    return undefined;
  }
  const archive = join(machine.scratch, 'rootfs.tar');
  execFileSync('tar', ['-C', machine.rootfs, '-cf', archive, '.']);
  client('import', archive, IMAGE);
  const flags = ['--rm', '--network=host', `--cgroup-parent=/${CGROUP}`];
  return { name: 'docker run', argv: ['docker', '--host', host, 'run', ...flags, IMAGE, 'true'] };
}

function podman(machine: Machine, mountNamespace: string): Contestant {
  const at = join(machine.scratch, 'podman');
  const places = ['--root', join(at, 'root'), '--runroot', join(at, 'run'), '--tmpdir', join(at, 'tmp')];
  const manager = ['--cgroup-manager=cgroupfs', '--runtime=crun', '--events-backend=none'];
  // Its defaults raise them, which needs CAP_SYS_RESOURCE.
  const limits = ['--ulimit=nofile=1024:1024', '--ulimit=nproc=1024:1024'];
  const flags = ['--rm', '--network=host', '--cgroups=disabled', ...limits, '--rootfs'];
  machine.onClose(() => removeCgroup('libpod_parent'));
  return {
    name: 'podman run',
    argv: ['podman', ...places, ...manager, 'run', ...flags, `${machine.rootfs}:O`, 'true'],
    mountNamespace,
  };
}

/** The bundle that tsrun makes, on the root directory itself: overlays are the engine's, not the runtime's. */
function bundleRunner(machine: Machine, name: string, mountNamespace: string): Contestant {
  const bundle = join(machine.scratch, `bundle-${name}`);
  mkdirSync(bundle);
  const options = { env: machine.environment };
  execFileSync(tsrun, ['run', '--name', `for-${name}`, machine.rootfs, 'true'], options);
  const data = join(machine.scratch, 'data');
  const id = readlinkSync(join(data, 'names', `for-${name}`));
  const spec = JSON.parse(readFileSync(join(data, 'containers', id, 'config.json'), 'utf8'));
  spec.root.path = machine.rootfs;
  spec.linux.cgroupsPath = `/${CGROUP}-${name}`;
  delete spec.annotations;
  writeFileSync(join(bundle, 'config.json'), JSON.stringify(spec));
  machine.onClose(() => removeCgroup(`${CGROUP}-${name}`));
  const state = ['--root', join(machine.scratch, `state-${name}`)];
  return {
    name: `${name} run`,
    argv: [name, ...state, 'run', '--bundle', bundle, `${CGROUP}-${name}`],
    mountNamespace: name === 'crun' ? mountNamespace : undefined,
  };
}

function bwrap(machine: Machine): Contestant {
  const mounts = ['--bind', machine.rootfs, '/', '--proc', '/proc', '--dev', '/dev'];
  const namespaces = ['--unshare-pid', '--unshare-uts', '--unshare-ipc', '--unshare-cgroup-try'];
  return { name: 'bwrap (no overlay, no cgroup)', argv: ['bwrap', ...mounts, ...namespaces, 'true'] };
}

function unshare(machine: Machine): Contestant {
  const namespaces = ['--mount', '--uts', '--ipc', '--pid', '--cgroup', '--fork', '--mount-proc'];
  return {
    name: 'unshare (no overlay, no cgroup, no confinement)',
    argv: ['unshare', ...namespaces, `--root=${machine.rootfs}`, 'true'],
  };
}
