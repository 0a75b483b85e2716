import { existsSync, lstatSync } from 'node:fs';
import { TsrunError } from '../errors/tsrun-error.ts';
import { LOCK } from '../kernel/constants.ts';
import { play } from '../plan/play.ts';
import { REMOVING } from '../store/layers.ts';
import { lockContainer, tryLockRun } from '../store/lock.ts';
import { nameOwner } from '../store/names.ts';
import { type ContainerRecord, readRecord, readStarted } from '../store/record.ts';
import { unlinkRootSteps } from './cleanup.ts';
import { type Engine, refuseForeignDirectories } from './engine.ts';
import { removeWhole } from './remove.ts';
import { containerStatus, isUp } from './status.ts';

/**
 * What a monitor that was killed could not take away: the links to the root of a process that is no more. Any command that sees them
 * does it, if it may and nobody is at work there.
 */
export function unlinkDeadRoot(engine: Engine, record: ContainerRecord): void {
  const { paths } = engine;
  try {
    lstatSync(`${paths.layer(record.layer)}/merged`);
    const goal = `look at container ${record.name}`;
    refuseForeignDirectories(engine, goal);
    const lock = tryLockRun(paths, record.id, goal, false);
    try {
      if (lock && !isUp(containerStatus(engine, record))) play(goal, unlinkRootSteps(engine, record));
    } finally {
      lock?.close();
    }
  } catch {
    // there are none, or they are not ours to take away
  }
}

/**
 * A container with --rm, or one whose removal has begun, that nobody runs, cleans up or changes was left by a command or a monitor that
 * was killed: who wants its name finishes the work.
 * @throws SyscallError of what cannot be removed
 */
export function removeAbandoned(engine: Engine, name: string): void {
  const id = nameOwner(engine.paths, name);
  const record = id === undefined ? undefined : readIfWhole(engine, id);
  if (record === undefined || !isToGo(engine, record)) return;
  const unlock = lockIfFree(engine, record);
  try {
    if (unlock === undefined || isUp(containerStatus(engine, record))) return;
    const lock = tryLockRun(engine.paths, record.id, `rm ${name}`, false);
    try {
      if (lock) removeWhole(engine, record);
    } finally {
      lock?.close();
    }
  } finally {
    unlock?.();
  }
}

function isToGo(engine: Engine, record: ContainerRecord): boolean {
  if (existsSync(engine.paths.layer(`${record.layer}${REMOVING}`))) return true;
  return record.remove && !waitsForItsStart(engine, record);
}

function waitsForItsStart({ paths }: Engine, { id, waits }: ContainerRecord): boolean {
  return waits === true && readStarted(paths, id) === undefined;
}

function readIfWhole({ paths }: Engine, id: string): ContainerRecord | undefined {
  try {
    return readRecord(paths, id);
  } catch {
    return undefined;
  }
}

function lockIfFree({ paths }: Engine, { id, name }: ContainerRecord): (() => void) | undefined {
  try {
    return lockContainer(paths, id, `rm ${name}`, LOCK.LOCK_EX, { remove: true });
  } catch (error) {
    if (error instanceof TsrunError && (error.kind === 'conflict' || error.kind === 'not-found')) return undefined;
    throw error;
  }
}
