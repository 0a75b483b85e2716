import {
  absolute,
  filled,
  flag,
  integer,
  invalid,
  list,
  matching,
  object,
  optional,
  type Reader,
  record,
  text,
} from './fields.ts';
import type { Capabilities, ConsoleSize, Hook, Hooks, Mount, Process, Rlimit, Root, Spec, User } from './oci.ts';
import { ID, idMapping, linux, UINT64 } from './validate-linux.ts';

/**
 * Proves that a parsed config.json is a Spec. Fields that the specification does not know are left behind.
 * @param json what JSON.parse returned
 * @param where the file's name for messages: `config.json`
 * @throws TsrunError 'config': `config.json: process.args[0]: must be a non-empty string`
 */
export function parseSpec(json: unknown, where: string): Spec {
  return spec(json, where);
}

const user = object<User>({
  uid: ID,
  gid: ID,
  umask: optional(integer(0, 0o777)),
  additionalGids: optional(list(ID)),
  username: optional(text),
});

/** Arguments may be empty strings, the program's name may not. */
const args: Reader<string[]> = (value, path) => {
  const found = list(text)(value, path);
  if (found.length > 0) filled(found[0], `${path}[0]`);
  return found;
};

const capabilityNames = list(matching(/^CAP_[A-Z_]+$/, 'must be a name such as CAP_CHOWN'));

const capabilities = object<Capabilities>({
  bounding: optional(capabilityNames),
  effective: optional(capabilityNames),
  inheritable: optional(capabilityNames),
  permitted: optional(capabilityNames),
  ambient: optional(capabilityNames),
});

const rlimit = object<Rlimit>({
  type: matching(/^RLIMIT_[A-Z]+$/, 'must be a name such as RLIMIT_NOFILE'),
  soft: UINT64,
  hard: UINT64,
});

const rlimits: Reader<Rlimit[]> = (value, path) => {
  const found = list(rlimit)(value, path);
  const seen = new Set<string>();
  for (const [index, { type, soft, hard }] of found.entries()) {
    if (seen.has(type)) throw invalid(`${path}[${index}].type`, `must not be there twice: ${type}`);
    if (soft > hard) throw invalid(`${path}[${index}].soft`, 'must not be above hard');
    seen.add(type);
  }
  return found;
};

const process = object<Process>({
  terminal: optional(flag),
  consoleSize: optional(object<ConsoleSize>({ height: integer(0, 65535), width: integer(0, 65535) })),
  user,
  args: optional(args),
  env: optional(list(matching(/^[^=]+=/, 'must be KEY=value'))),
  cwd: absolute,
  capabilities: optional(capabilities),
  rlimits: optional(rlimits),
  noNewPrivileges: optional(flag),
  apparmorProfile: optional(text),
  oomScoreAdj: optional(integer(-1000, 1000)),
  selinuxLabel: optional(text),
});

const mount = object<Mount>({
  destination: absolute,
  type: optional(text),
  source: optional(text),
  options: optional(list(filled)),
  uidMappings: optional(list(idMapping)),
  gidMappings: optional(list(idMapping)),
});

const hook = list(
  object<Hook>({
    path: absolute,
    args: optional(list(text)),
    env: optional(list(text)),
    timeout: optional(integer(1, 2 ** 31 - 1)),
  }),
);

const hooks = object<Hooks>({
  prestart: optional(hook),
  createRuntime: optional(hook),
  createContainer: optional(hook),
  startContainer: optional(hook),
  poststart: optional(hook),
  poststop: optional(hook),
});

/** sethostname(2): HOST_NAME_MAX is 64 bytes on Linux. */
const hostname: Reader<string> = (value, path) => {
  const found = text(value, path);
  if (Buffer.byteLength(found) > 64) throw invalid(path, 'must not be longer than 64 bytes');
  return found;
};

const spec = object<Spec>({
  ociVersion: matching(
    /^1\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/,
    'must be a version 1.x.y of the OCI runtime specification',
  ),
  process: optional(process),
  root: object<Root>({ path: filled, readonly: optional(flag) }),
  hostname: optional(hostname),
  domainname: optional(hostname),
  mounts: optional(list(mount)),
  hooks: optional(hooks),
  annotations: optional(record(text)),
  linux: optional(linux),
});
