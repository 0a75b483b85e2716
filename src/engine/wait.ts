import { closeSync } from 'node:fs';
import { TsrunError } from '../errors/tsrun-error.ts';
import { connectToMonitor } from '../runtime/attach.ts';
import { waitForWord } from '../runtime/wait.ts';
import { waitForRunLock } from '../store/lock.ts';
import type { ContainerRecord } from '../store/record.ts';
import type { Engine } from './engine.ts';
import { findContainer } from './find.ts';
import { openFirstProcess } from './first-process.ts';
import { endsWithin } from './signal.ts';
import { containerStatus } from './status.ts';

const AT_A_TIME_MS = 60_000;
const BUSY = ['EAGAIN', 'EMFILE', 'ETIMEDOUT'];

/**
 * Waits until a container has ended and been cleaned up after; at once when it does not run.
 * @returns its exit code; 0 of one that never was started
 */
export async function waitForContainerEnd(engine: Engine, reference: string): Promise<number> {
  const goal = `wait ${reference}`;
  const record = findContainer(engine, reference);
  const told = await exitCodeFromMonitor(engine, record, goal);
  if (told !== undefined) return told;
  await waitForFirstProcess(engine, record, goal);
  (await waitForRunLock(engine.paths, record.id, goal, false))?.close();
  return containerStatus(engine, findContainer(engine, record.id)).exitCode;
}

/** undefined when there is none, or it has as many clients as it can serve: the end can be seen without it. */
async function exitCodeFromMonitor(engine: Engine, record: ContainerRecord, goal: string): Promise<number | undefined> {
  try {
    const run = engine.paths.run(record.id);
    const connection = await connectToMonitor(goal, run, false, { attached: false, fed: false });
    if (connection === undefined) return undefined;
    return 'exited' in connection ? connection.exited : await waitForWord(connection.ends.control);
  } catch (error) {
    if (error instanceof TsrunError && BUSY.includes(error.code ?? '')) return undefined;
    throw error;
  }
}

/** One that has lost its monitor. */
async function waitForFirstProcess(engine: Engine, record: ContainerRecord, goal: string): Promise<void> {
  const first = openFirstProcess(engine, record, goal);
  if (first === undefined) return;
  try {
    while (!(await endsWithin(first, AT_A_TIME_MS)));
  } finally {
    closeSync(first.pidfd);
  }
}
