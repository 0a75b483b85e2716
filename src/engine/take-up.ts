import { existsSync, readdirSync } from 'node:fs';
import { rethrowShortage } from '../errors/shortage.ts';
import { TsrunError } from '../errors/tsrun-error.ts';
import { AT } from '../kernel/constants.ts';
import { play } from '../plan/play.ts';
import { step } from '../plan/step.ts';
import { nameOwner } from '../store/names.ts';
import type { Paths } from '../store/paths.ts';
import { readRunState } from '../store/record.ts';
import { findBelongings } from './damaged.ts';
import type { Engine } from './engine.ts';
import { findId } from './find.ts';
import { killProcess } from './kill.ts';
import { parseContainerReference } from './options/parse-name.ts';

const ID = /^[0-9a-f]{64}$/;

/**
 * For `rm -f`: also what runs while its directory has been taken away by hand gets an empty one, and is a damaged container like others
 * then. Its monitor is ended: it would only go on in there. @throws TsrunError 'not-found', 'conflict'
 */
export function findOrTakeUp(engine: Engine, reference: string, goal: string): string {
  try {
    return findId(engine, reference);
  } catch (error) {
    const left = error instanceof TsrunError && error.kind === 'not-found' && findRunLeft(engine, reference);
    if (!left) throw error;
    const run = readRunState(engine.paths, left);
    if (run?.monitor) killProcess(run.monitor.pid, run.monitor.startTime, run.bootId, 'its directory is gone');
    const directory = { dirfd: AT.AT_FDCWD, pathname: engine.paths.container(left), mode: 0o710 };
    play(goal, [step('make_dir', directory, 'where it is locked and removed', { expect: { EEXIST: 0 } })]);
    return left;
  }
}

/**
 * That a layer or a name below our data root has its id says that it is ours: those of another data root may run by the same run
 * directory.
 */
function findRunLeft({ paths }: Engine, given: string): string | undefined {
  const reference = parseContainerReference(given);
  const owner = nameOwner(paths, reference);
  const meant = runIds(paths).filter((id) => id === owner || id.startsWith(reference));
  const [only] = meant;
  if (only === undefined || meant.length > 1 || existsSync(paths.container(only))) return undefined;
  const { names, layers } = findBelongings(paths, only);
  return names.length + layers.length > 0 ? only : undefined;
}

/** Of what runs, or ran until its monitor was killed. */
function runIds({ runRoot }: Paths): string[] {
  try {
    return readdirSync(runRoot).filter((name) => ID.test(name));
  } catch (error) {
    rethrowShortage(error, runRoot);
    return [];
  }
}
