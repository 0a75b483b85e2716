import { TsrunError } from '../errors/tsrun-error.ts';
import { IN_ROOT } from '../kernel/abi.ts';
import { FS_MAGIC, O } from '../kernel/constants.ts';
import { slot } from '../plan/arguments.ts';
import { type Step, step } from '../plan/step.ts';
import type { NamespaceType, Spec } from '../spec/oci.ts';
import { hasNewNamespace } from './steps.ts';

/** Settings that a namespace has for itself (namespaces(7), ipc_namespaces(7)). All others are the host's, and stay so. */
const ofNamespace = (): readonly [NamespaceType, RegExp][] => [
  ['network', /^net\../],
  ['ipc', /^kernel\.(msgmax|msgmnb|msgmni|sem|shmall|shmmax|shmmni|shm_rmid_forced)$/],
  ['ipc', /^fs\.mqueue\../],
];
const NAME = /^[a-zA-Z0-9_-]+(\.[a-zA-Z0-9_-]+)+$/;

/** CVE-2022-0811: another setting came in through a name or a value. */
function refuseForeign(spec: Spec, name: string, value: string): void {
  const refuse = (why: string): never => {
    throw new TsrunError('config', `config.json: linux.sysctl: ${JSON.stringify(name)}: ${why}`);
  };
  if (!NAME.test(name)) refuse('must be a name such as net.ipv4.ip_forward');
  if (/[\n\r\0]/.test(value)) refuse('its value must be one line');
  const owner = ofNamespace().find(([, pattern]) => pattern.test(name))?.[0];
  if (owner === undefined) refuse('is a setting of the whole host');
  else if (!hasNewNamespace(spec, owner)) refuse(`needs a new ${owner} namespace`);
}

/**
 * linux.sysctl, through the container's own /proc before it becomes read-only: a descriptor that is proven to lie on a proc file
 * system (CVE-2023-28642, CVE-2025-52881: writes that went elsewhere). The kernel takes the setting of the writer's namespaces.
 * @throws TsrunError 'config' for what is not the container's own
 */
export function sysctlSteps(spec: Spec): Step[] {
  let at = '';
  return Object.entries(spec.linux?.sysctl ?? {}).flatMap(([name, data]) => {
    refuseForeign(spec, name, data);
    const parts = name.split('.');
    const pathname = parts.pop() ?? '';
    const directory = `proc/sys/${parts.join('/')}`;
    const moved = directory !== at;
    at = directory;
    const flags = O.O_WRONLY | O.O_NOFOLLOW;
    const want = IN_ROOT.directory | IN_ROOT.noSymlinks;
    return [
      ...(moved
        ? [
            step('in_root', { root: slot('root'), path: directory, want }, `where ${parts.join('.')}.* is set`, {
              save: 'settings',
            }),
            step('check_fs', { fd: slot('settings'), magic: FS_MAGIC.PROC_SUPER_MAGIC }, 'make sure that it is a proc'),
          ]
        : []),
      step(
        'write_file',
        { dirfd: slot('settings'), pathname, flags, mode: 0, data, length: Buffer.byteLength(data) },
        `${name}, of this container alone`,
      ),
    ];
  });
}
