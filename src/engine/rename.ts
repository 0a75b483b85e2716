import { renameSync, symlinkSync } from 'node:fs';
import { TsrunError } from '../errors/tsrun-error.ts';
import { AT, LOCK } from '../kernel/constants.ts';
import { play } from '../plan/play.ts';
import { step } from '../plan/step.ts';
import { fileError } from '../store/files.ts';
import { type RunWatch, waitForContainer, watchRun } from '../store/lock.ts';
import { claimName, spoiltNameSteps } from '../store/names.ts';
import { type ContainerRecord, readRecord, writeRecord } from '../store/record.ts';
import { type Engine, refuseForeignDirectories } from './engine.ts';
import { recordEvent } from './events/record-event.ts';
import { findContainer } from './find.ts';
import { removeAbandoned } from './left-behind.ts';
import { parseName } from './options/parse-name.ts';
import { containerStatus, isUp } from './status.ts';

/**
 * `tsrun rename`. The new name is claimed, then noted where the clean-up of a run that has begun looks, then recorded; the old one goes
 * last: whatever is killed between two of them, the container has a name, and `rename` can be said again.
 * @throws TsrunError 'conflict' when another has the name
 */
export async function renameContainer(engine: Engine, reference: string, name: string): Promise<void> {
  const goal = `rename ${reference}`;
  parseName(name);
  refuseForeignDirectories(engine, goal);
  const { id } = findContainer(engine, reference);
  const unlock = await waitForContainer(engine.paths, id, goal, LOCK.LOCK_EX);
  const run = watchRun(engine.paths, id, goal);
  try {
    const record = findContainer(engine, id);
    if (record.name === name)
      throw new TsrunError('conflict', 'Renaming a container with the same name as its current name', { exitCode: 1 });
    removeAbandoned(engine, name);
    await whileItIsThere(engine, record, name, run, goal, () => {
      claimName(engine.paths, name, id);
      note(engine, id, name);
      writeRecord(engine.paths, { ...record, name });
      freeName(engine, id, record.name, goal);
      play(goal, spoiltNameSteps(engine.paths, record.name));
    });
    recordEvent(engine, { ...record, name }, 'rename', { oldName: `/${record.name}` });
  } catch (error) {
    throw fileError(goal, error);
  } finally {
    run.close();
    unlock();
  }
}

/**
 * One with --rm may go at any moment: its clean-up waits for nobody, and if it began before it could see the new name, it leaves that.
 * @throws TsrunError 'not-found' when it has gone
 */
async function whileItIsThere(
  engine: Engine,
  record: ContainerRecord,
  name: string,
  run: RunWatch,
  goal: string,
  work: () => void,
): Promise<void> {
  try {
    work();
    if (record.remove && !isUp(containerStatus(engine, record)))
      await run.over(() => isUp(containerStatus(engine, record)));
  } finally {
    if (record.remove && readRecord(engine.paths, record.id) === undefined) {
      for (const one of [name, record.name]) freeName(engine, record.id, one, goal);
      findContainer(engine, record.id); // says that there is none
    }
  }
}

function note({ paths }: Engine, id: string, name: string): void {
  const temporary = `${paths.newName(id)}.tmp-${process.pid}`;
  symlinkSync(paths.name(name), temporary);
  renameSync(temporary, paths.newName(id));
}

function freeName({ paths }: Engine, id: string, name: string, goal: string): void {
  const old = { dirfd: AT.AT_FDCWD, pathname: paths.name(name), target: id };
  play(goal, [step('unlink_link', old, 'the name is free for others')]);
}
