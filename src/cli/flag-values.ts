import { resolve } from 'node:path';
import { type CallerEnv, parseEnv, parseEnvFile } from '../engine/options/parse-env.ts';
import { parseUser } from '../engine/options/parse-user.ts';
import { usageError, visible } from '../engine/options/usage-error.ts';
import type { EnvChange } from '../engine/run-options.ts';
import { TsrunError } from '../errors/tsrun-error.ts';

/** What the flags may ask of the caller's surroundings. Passed in, so that reading flags is a pure function. */
export interface FlagContext {
  env: CallerEnv;
  cwd: string;
  /** @throws Node's errors */
  readFile(path: string): Buffer;
}

/**
 * Runs a parser, and says which flag had which value when it objects.
 * @param exitCode 1 for what Docker's client leaves to its daemon to find
 */
export function readFlag<T>(flag: string, value: string, parse: (value: string) => T, exitCode?: 1): T {
  try {
    return parse(value);
  } catch (error) {
    if (!(error instanceof TsrunError) || error.kind !== 'usage') throw error;
    const message = `invalid argument ${visible(JSON.stringify(value))} for "${flag}" flag: ${error.message}`;
    throw new TsrunError('usage', message, { exitCode, hint: error.hint, cause: error });
  }
}

/** A flag that may be absent; empty is absent too, as in Docker (`--user ""`). */
export function maybeFlag<T>(
  flag: string,
  value: string | undefined,
  parse: (value: string) => T,
  exitCode?: 1,
): T | undefined {
  return value === undefined || value === '' ? undefined : readFlag(flag, value, parse, exitCode);
}

/** --env-file before -e, whichever came first on the line: -e overrides. */
export function readEnvFlags(flags: { env?: string[]; envFile?: string[] }, context: FlagContext): EnvChange[] {
  const fromFiles = (flags.envFile ?? []).flatMap((path) =>
    parseEnvFile(readEnvFile(path, context), path, context.env),
  );
  return [
    ...fromFiles,
    ...(flags.env ?? []).map((text) => readFlag('-e, --env', text, (value) => parseEnv(value, context.env))),
  ];
}

/** An --env-file is text of a user's hand; this much of it is a mistake, such as a disk image. */
const MAX_ENV_FILE = 4 * 1024 * 1024;

function readEnvFile(path: string, context: FlagContext): Buffer {
  const content = (() => {
    try {
      return context.readFile(resolve(context.cwd, path));
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      const why = code === 'ENOENT' ? 'no such file or directory' : (code ?? String(error));
      throw usageError(`--env-file: open ${path}: ${why}`);
    }
  })();
  if (content.length > MAX_ENV_FILE) throw usageError(`--env-file: ${path}: larger than ${MAX_ENV_FILE} bytes`);
  return content;
}

/** RunOptions keep the text: its meaning depends on the root. Only its form is checked here. */
export function checkedUser(text: string): string {
  parseUser(text);
  return text;
}
