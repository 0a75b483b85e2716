import { play } from '../plan/play.ts';
import type { Step } from '../plan/step.ts';
import type { Process } from '../spec/oci.ts';
import { execSteps, forgetOldExecs } from '../store/exec-entry.ts';
import { randomHex } from '../store/files.ts';
import { type ContainerRecord, nowNs } from '../store/record.ts';
import type { Engine } from './engine.ts';
import { endStep, eventStep, openNameStep } from './events/record-event.ts';
import type { ExecOptions } from './run-options.ts';
import { unpackOptions } from './saved-options.ts';

/** Of a command in an event, characters: an argument may have 128 KiB, and the file of events is small. */
const MOST_WORDS = 4096;

/** An exec that has been written down, and told of. */
export interface RecordedExec {
  id: string;
  /** For its monitor: once it has been executed (slot `pid`), and once it has ended. */
  started: Step[];
  ended: Step[];
  /** It did not come about. */
  forget(): void;
}

export function recordExec(
  engine: Engine,
  record: ContainerRecord,
  options: ExecOptions,
  command: Process,
): RecordedExec {
  const { tty, privileged, detach } = options;
  const id = randomHex(32);
  const entry = execSteps(engine.paths, {
    id,
    container: record.id,
    createdNs: String(nowNs()),
    command: options.command,
    user: options.user ?? unpackOptions(record.options).user ?? '',
    workdir: command.cwd,
    tty,
    privileged,
    detach,
    interactive: options.interactive && !detach,
    envCount: command.env?.length ?? 0,
  });
  const about = { execID: id };
  const words = wordsOf(options.command);
  forgetOldExecs(engine.paths, record.id);
  play(`exec ${record.name}`, [
    ...entry.intent,
    eventStep(engine, record, `exec_create: ${words}`, about),
    eventStep(engine, record, `exec_start: ${words}`, about),
  ]);
  return {
    id,
    started: entry.started,
    // Who hears that it is over finds out how.
    ended: [...entry.ended, openNameStep(engine, record), endStep(engine, record, 'exec_die', { ended: 1 }, about)],
    forget: () => play(`exec ${record.name}`, entry.forget),
  };
}

function wordsOf(command: readonly string[]): string {
  const all = command.join(' ');
  return all.length > MOST_WORDS ? `${all.slice(0, MOST_WORDS)}...` : all;
}
