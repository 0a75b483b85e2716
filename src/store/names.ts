import { lstatSync, readdirSync, readlinkSync, symlinkSync, unlinkSync } from 'node:fs';
import { TsrunError } from '../errors/tsrun-error.ts';
import { AT } from '../kernel/constants.ts';
import { type Step, step } from '../plan/step.ts';
import { makeDirectories, randomBytes } from './files.ts';
import type { Paths } from './paths.ts';
import { readRecord } from './record.ts';
import { whileLocked } from './while-locked.ts';

const ADJECTIVES =
  'agile amber bold brave bright brisk calm candid clever cosy crisp daring deft eager fair fleet fond frank gentle glad golden happy hardy honest jolly keen kind lively lucid lucky mellow merry mild modest neat nimble noble patient placid plucky polite proud quick quiet rapid ready sharp shiny silent sleek smart snug solid steady sunny swift tidy tender vivid warm wise witty zesty';
const ANIMALS =
  'alpaca avocet badger beaver bison bittern bunting camel caribou civet condor coot crane curlew dingo dolphin donkey dunlin egret ermine falcon ferret finch gannet gecko gibbon goose grouse heron hoopoe ibex ibis jackal jackdaw kestrel kiwi kudu lapwing lemur linnet llama lynx magpie marmot marten merlin mole moose newt ocelot okapi oriole osprey otter panda pelican penguin petrel plover puffin quail rabbit raven robin seal shrew siskin skylark stork swan tapir teal tern toucan vole walrus weasel wombat wren yak zebra';

function candidate(): string {
  const bytes = randomBytes(4);
  const [adjectives, animals] = [ADJECTIVES.split(' '), ANIMALS.split(' ')];
  return `${adjectives[bytes.readUInt16LE(0) % adjectives.length]}_${animals[bytes.readUInt16LE(2) % animals.length]}`;
}

/** The id that has the name; undefined when it is free. */
export function nameOwner(paths: Paths, name: string): string | undefined {
  try {
    return readlinkSync(paths.name(name));
  } catch {
    return undefined;
  }
}

/** Something is in its place that leads nowhere: a file, a directory. */
export function isSpoiltName(paths: Paths, name: string): boolean {
  try {
    return !lstatSync(paths.name(name)).isSymbolicLink();
  } catch {
    return false;
  }
}

/** For who has the name by its record: nobody else would take away what is in its place, and it could never be claimed again. */
export function spoiltNameSteps(paths: Paths, name: string): Step[] {
  if (!isSpoiltName(paths, name)) return [];
  return [step('remove_tree', { dirfd: AT.AT_FDCWD, name: paths.name(name) }, 'free the name of what is no link')];
}

/** All names that lead to the id: more than one when a command was killed while renaming it. */
export function namesOf(paths: Paths, id: string): string[] {
  try {
    return readdirSync(paths.names).filter((name) => nameOwner(paths, name) === id);
  } catch {
    return []; // nobody has a name
  }
}

/** One winner: symlink(2) fails where something is. A name whose container is gone (a crash between the two) is free. */
export function claimName(paths: Paths, name: string, id: string): void {
  for (let tries = 0; tries < 3; tries++) {
    try {
      symlinkSync(id, paths.name(name));
      return;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') makeDirectories(paths.names, 0o700);
      else if (code !== 'EEXIST') throw error;
    }
    const owner = nameOwner(paths, name);
    if (owner === id) return;
    if (owner !== undefined && isThere(paths, owner)) throw conflict(name, owner);
    if (owner !== undefined) freeStaleName(paths, name);
  }
  if (isSpoiltName(paths, name)) throw spoilt(name, paths.name(name));
  throw conflict(name, nameOwner(paths, name) ?? 'another');
}

/**
 * Two that see the same stale name must not both take it away: the second would take the first one's. The owner is read again once
 * its container is known to be gone: who removes a container frees its name before the record, so that nobody but the holder of this
 * lock changes what is read then.
 */
export function freeStaleName(paths: Paths, name: string): void {
  whileLocked(paths.names, `claim the name ${name}`, () => {
    const owner = nameOwner(paths, name);
    if (owner === undefined || isThere(paths, owner) || nameOwner(paths, name) !== owner) return;
    unlinkSync(paths.name(name));
  });
}

function isThere(paths: Paths, id: string): boolean {
  try {
    return readRecord(paths, id) !== undefined;
  } catch {
    return true; // damaged is there
  }
}

function conflict(name: string, owner: string): TsrunError {
  return new TsrunError(
    'conflict',
    `Conflict. The container name "/${name}" is already in use by container "${owner}".`,
    {
      code: 'EEXIST',
      hint: 'remove that container (tsrun rm) or use another --name',
    },
  );
}

function spoilt(name: string, path: string): TsrunError {
  return new TsrunError('conflict', `The container name "/${name}" cannot be claimed: ${path} is no link`, {
    code: 'EEXIST',
    hint: `tsrun did not make it: remove it, or tsrun rm the container that is named so, or use another --name`,
  });
}

/** A free name for a container that was given none. Free at this moment: claiming it may still fail. */
export function suggestName(paths: Paths): string {
  for (let tries = 0; tries < 20; tries++) {
    const name = candidate();
    if (nameOwner(paths, name) === undefined) return name;
  }
  return `${candidate()}_${randomBytes(4).toString('hex')}`;
}
