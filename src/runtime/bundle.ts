import { isAbsolute } from 'node:path';
import { TsrunError } from '../errors/tsrun-error.ts';
import type { Overlay } from '../rootfs/types.ts';
import { ANNOTATIONS } from '../spec/annotations.ts';
import type { Process, Spec } from '../spec/oci.ts';

/** An OCI bundle: a directory with config.json, and all that a start needs to know. */
export interface Bundle {
  directory: string;
  spec: Spec;
  command: Process;
  rootPath: string;
  overlay: Overlay | undefined;
  init: boolean;
}

/** Parts of config.json that would be silently missing from the container. */
function refuseUnsupported(spec: Spec): void {
  const { linux } = spec;
  const unsupported: [string, boolean][] = [
    ['hooks', Object.values(spec.hooks ?? {}).some((list) => list.length > 0)],
    ['linux.seccomp', linux?.seccomp !== undefined],
    ['linux.mountLabel', Boolean(linux?.mountLabel)],
    ['linux.uidMappings', (linux?.uidMappings ?? []).length > 0],
    ['process.apparmorProfile', Boolean(spec.process?.apparmorProfile)],
    ['process.selinuxLabel', Boolean(spec.process?.selinuxLabel)],
    ['linux.namespaces: user', (linux?.namespaces ?? []).some(({ type }) => type === 'user')],
    ['linux.namespaces: time', (linux?.namespaces ?? []).some(({ type }) => type === 'time')],
  ];
  const first = unsupported.find(([, there]) => there);
  if (first) throw new TsrunError('unsupported', `config.json: ${first[0]}: not supported yet`);
}

function overlayOf(spec: Spec): Overlay | undefined {
  const annotation = (name: string): string => spec.annotations?.[name] ?? '';
  const upperDir = annotation(ANNOTATIONS.upperDir);
  if (upperDir === '') return undefined;
  try {
    const lowerDirs = JSON.parse(annotation(ANNOTATIONS.lowerDirs)) as unknown;
    if (Array.isArray(lowerDirs) && lowerDirs.every((one) => typeof one === 'string')) {
      return {
        base: annotation(ANNOTATIONS.base) || '/',
        lowerDirs,
        upperDir,
        workDir: annotation(ANNOTATIONS.workDir),
        volatile: annotation(ANNOTATIONS.volatile) === 'true',
      };
    }
  } catch {
    // said below
  }
  throw new TsrunError('config', `config.json: annotations["${ANNOTATIONS.lowerDirs}"]: must be a JSON array of paths`);
}

/** A bundle from a spec that is known already. @throws TsrunError 'config', 'unsupported' */
export function bundleFrom(directory: string, spec: Spec): Bundle {
  if (spec.process === undefined || (spec.process.args ?? []).length === 0)
    throw new TsrunError('config', 'config.json: process.args: must name a command');
  refuseUnsupported(spec);
  const rootPath = isAbsolute(spec.root.path) ? spec.root.path : `${directory}/${spec.root.path}`;
  return {
    directory,
    spec,
    command: spec.process,
    rootPath,
    overlay: overlayOf(spec),
    init: spec.annotations?.[ANNOTATIONS.init] === 'true',
  };
}
