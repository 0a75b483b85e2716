import { ANNOTATIONS } from '../spec/annotations.ts';
import type { Linux, Namespace, Spec } from '../spec/oci.ts';
import { parseSignal } from './options/parse-signal.ts';
import type { RunOptions } from './run-options.ts';
import { ALL_DEVICES, defaultDeviceRules, MASKED_PATHS, NETWORK_SYSCTLS, READONLY_PATHS } from './spec-defaults.ts';
import type { SpecFacts } from './spec-facts.ts';
import { rootPropagation, specMounts } from './spec-mounts.ts';
import { specProcess } from './spec-process.ts';

/**
 * Options and facts → config.json, as dockerd hands it to runc. Pure: looks nothing up, changes nothing.
 * @throws TsrunError 'usage', 'permission'
 */
export function toSpec(options: RunOptions, facts: SpecFacts): Spec {
  const annotations = specAnnotations(options, facts);
  return {
    ociVersion: '1.0.2',
    process: specProcess(options, facts),
    root: { path: facts.rootPath, readonly: options.readOnly },
    hostname: options.hostname ?? facts.hostname,
    mounts: specMounts(options, facts),
    ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
    linux: specLinux(options, facts),
  };
}

function specLinux(options: RunOptions, facts: SpecFacts): Linux {
  const propagation = rootPropagation(options.mounts);
  return {
    ...(options.network === 'host' ? {} : { sysctl: { ...NETWORK_SYSCTLS } }),
    resources: { devices: options.privileged ? [...ALL_DEVICES] : defaultDeviceRules() },
    cgroupsPath: facts.cgroupsPath,
    namespaces: specNamespaces(options),
    ...(options.privileged && facts.hostDevices !== undefined ? { devices: facts.hostDevices } : {}),
    ...(!options.privileged && facts.seccomp !== undefined ? { seccomp: facts.seccomp } : {}),
    ...(propagation === undefined ? {} : { rootfsPropagation: propagation }),
    ...(options.privileged ? {} : { maskedPaths: [...MASKED_PATHS], readonlyPaths: [...READONLY_PATHS] }),
  };
}

/** A cgroup namespace always: Docker 20.10 has the host's on cgroup v1, where the container then reads the host's tree. */
function specNamespaces(options: RunOptions): Namespace[] {
  const network: Namespace[] = options.network === 'host' ? [] : [{ type: 'network' }];
  return [{ type: 'mount' }, ...network, { type: 'uts' }, { type: 'pid' }, { type: 'ipc' }, { type: 'cgroup' }];
}

/** Only what tsrun says to its own runtime. Labels stay in the container's record: they are the user's, and never read as orders. */
function specAnnotations(options: RunOptions, facts: SpecFacts): Record<string, string> {
  return {
    ...(facts.overlay === undefined
      ? {}
      : {
          [ANNOTATIONS.base]: facts.overlay.base,
          [ANNOTATIONS.lowerDirs]: JSON.stringify(facts.overlay.lowerDirs),
          [ANNOTATIONS.upperDir]: facts.overlay.upperDir,
          [ANNOTATIONS.workDir]: facts.overlay.workDir,
          ...(facts.overlay.volatile ? { [ANNOTATIONS.volatile]: 'true' } : {}),
        }),
    ...(options.init ? { [ANNOTATIONS.init]: 'true' } : {}),
    ...(options.stopSignal === undefined ? {} : { [ANNOTATIONS.stopSignal]: String(parseSignal(options.stopSignal)) }),
  };
}
