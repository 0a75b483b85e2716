import { closeSync } from 'node:fs';
import { connectToMonitor } from '../runtime/attach.ts';
import { waitForWord } from '../runtime/wait.ts';
import { waitForRunLock } from '../store/lock.ts';
import { type ContainerRecord, readRecord } from '../store/record.ts';
import type { Engine } from './engine.ts';
import { findContainer } from './find.ts';
import { openFirstProcess } from './first-process.ts';
import { endsWithin } from './signal.ts';
import { containerStatus } from './status.ts';

const AT_A_TIME_MS = 60_000;

/**
 * Waits until a container has ended and been cleaned up after; at once when it does not run.
 * @returns its exit code; 0 of one that never was started
 */
export async function waitForContainerEnd(engine: Engine, reference: string): Promise<number> {
  const goal = `wait ${reference}`;
  const record = findContainer(engine, reference);
  const ends = await connectToMonitor(goal, engine.paths.run(record.id), false, { attached: false, fed: false });
  const code = ends === undefined ? undefined : await waitForWord(ends.control);
  if (code !== undefined) return code;
  await waitForFirstProcess(engine, record, goal);
  (await waitForRunLock(engine.paths, record.id, goal, false))?.close();
  return containerStatus(engine, readRecord(engine.paths, record.id) ?? record).exitCode;
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
