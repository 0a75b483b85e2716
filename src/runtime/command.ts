import type { Process } from '../spec/oci.ts';

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The value that the command will see: of a variable that is there twice, the last. */
export function environmentValue(env: readonly string[], key: string): string | undefined {
  const found = env.findLast((entry) => entry.startsWith(`${key}=`));
  return found?.slice(key.length + 1);
}

/**
 * Where the kernel is to look for the command, in order. The search itself happens in the container, as execvp(3) does it; an empty
 * or relative element of PATH is passed over, because it would name the working directory.
 */
export function commandCandidates(command: Process): string[] {
  const name = command.args?.[0] ?? '';
  if (name === '') return []; // a directory of PATH with nothing behind it would be "permission denied"
  if (name.includes('/')) return [name];
  const path = environmentValue(command.env ?? [], 'PATH') ?? DEFAULT_PATH;
  const directories = path.split(':').filter((directory) => directory.startsWith('/'));
  return directories.map((directory) => `${directory.replace(/\/+$/, '')}/${name}`);
}
