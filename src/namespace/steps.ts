import { AT, CLONE, O } from '../kernel/constants.ts';
import { slot } from '../plan/arguments.ts';
import { type Step, step } from '../plan/step.ts';
import type { NamespaceType, Spec } from '../spec/oci.ts';

const CLONE_FLAG: Record<NamespaceType, number> = {
  mount: CLONE.CLONE_NEWNS,
  uts: CLONE.CLONE_NEWUTS,
  ipc: CLONE.CLONE_NEWIPC,
  pid: CLONE.CLONE_NEWPID,
  network: CLONE.CLONE_NEWNET,
  user: CLONE.CLONE_NEWUSER,
  cgroup: CLONE.CLONE_NEWCGROUP,
  time: CLONE.CLONE_NEWTIME,
};

/** Flags for clone3: every new namespace but the cgroup one, whose root is the cgroup that its maker is in: it comes after the attach. */
export function cloneFlags(spec: Spec): number {
  const fresh = (spec.linux?.namespaces ?? []).filter(({ type, path }) => path === undefined && type !== 'cgroup');
  return fresh.reduce((all, { type }) => all | CLONE_FLAG[type], 0);
}

/** Every namespace that the container's PID 1 has of its own or has joined: what an exec enters. */
export function namespaceFlags(spec: Spec): number {
  return (spec.linux?.namespaces ?? []).reduce((all, { type }) => all | CLONE_FLAG[type], 0);
}

export function hasNewNamespace(spec: Spec, type: NamespaceType): boolean {
  return (spec.linux?.namespaces ?? []).some((one) => one.type === type && one.path === undefined);
}

/** Namespaces that exist already: joined by path, before anything else is done in the child. */
export function joinSteps(spec: Spec): Step[] {
  return (spec.linux?.namespaces ?? []).flatMap(({ type, path }) =>
    path === undefined
      ? []
      : [
          step(
            'openat',
            { dirfd: AT.AT_FDCWD, pathname: path, flags: O.O_CLOEXEC, mode: 0 },
            `find the ${type} namespace to join`,
            { save: 'namespace' },
          ),
          step('setns', { fd: slot('namespace'), nstype: CLONE_FLAG[type] }, `join it`),
        ],
  );
}

/** Behind the attach, so that /proc/self/cgroup reads `/` inside. */
export function cgroupNamespaceSteps(spec: Spec): Step[] {
  if (!hasNewNamespace(spec, 'cgroup')) return [];
  return [
    step(
      'unshare',
      { flags: CLONE.CLONE_NEWCGROUP },
      'hide where in the cgroup tree we are: our own cgroup becomes its root',
    ),
  ];
}

export function hostnameSteps(spec: Spec): Step[] {
  const { hostname, domainname } = spec;
  return [
    ...(hostname === undefined
      ? []
      : [
          step(
            'sethostname',
            { name: hostname, len: Buffer.byteLength(hostname) },
            'a host name of its own (UTS namespace)',
          ),
        ]),
    ...(domainname === undefined
      ? []
      : [step('setdomainname', { name: domainname, len: Buffer.byteLength(domainname) }, 'a domain name of its own')]),
  ];
}
