import { closeSync } from 'node:fs';
import { Command } from 'commander';
import { attachToContainer } from '../engine/attach.ts';
import type { Engine } from '../engine/engine.ts';
import { findContainer } from '../engine/find.ts';
import { usageError } from '../engine/options/usage-error.ts';
import { dueContainers } from '../engine/restart-policy.ts';
import { unpackOptions } from '../engine/saved-options.ts';
import { startContainer } from '../engine/start.ts';
import { containerStatus, isUp } from '../engine/status.ts';
import { TsrunError } from '../errors/tsrun-error.ts';
import { becomeRelay } from '../runtime/relay.ts';
import { CLIENT_FLAGS, type ClientFlags, readComerFlags } from './client-flags.ts';
import { engineFrom, requireRoot } from './context.ts';
import { withDockerWords } from './docker-words.ts';
import { forEach } from './each.ts';
import { addFlags, type GlobalFlags } from './flags.ts';
import { errorText, printError } from './report.ts';
import { attachment } from './terminal.ts';
import { startUninterrupted } from './uninterrupted.ts';

interface StartFlags extends ClientFlags, GlobalFlags {
  attach?: boolean;
  interactive?: boolean;
  restartPolicy?: boolean;
}

/** Docker's code for words that are too few or too many. */
const refuse = (message: string, hint: string) => new TsrunError('usage', message, { exitCode: 1, hint });

export function startCommand(): Command {
  const command = new Command('start')
    .description('start containers that were created, or have ended: again, on what they wrote before')
    .argument('[container...]')
    .option('-a, --attach', 'connect standard output and error, and pass signals on')
    .option('-i, --interactive', 'connect standard input too')
    .option('--restart-policy', 'after a boot: start all whose restart policy wants it');
  return withDockerWords(addFlags(command, CLIENT_FLAGS)).action(
    (references: string[], _flags: unknown, self: Command) => start(references, self.optsWithGlobals()),
  );
}

async function start(references: string[], flags: StartFlags): Promise<void> {
  if (flags.restartPolicy && (references.length > 0 || flags.attach || flags.interactive))
    throw usageError('--restart-policy starts what it finds, detached: leave out -a, -i and names');
  if (!flags.restartPolicy && references.length === 0)
    throw refuse('start needs a container', 'tsrun start [options] <container…>');
  requireRoot(`start ${references[0] ?? '--restart-policy'}`);
  const engine = engineFrom(flags);
  if (flags.restartPolicy) return startDue(engine);
  if (!flags.attach && !flags.interactive) return forEach(references, (reference) => startDetached(engine, reference));
  if (references.length > 1)
    throw refuse('you cannot start and attach multiple containers at once', 'leave out -a and -i, or start one');
  await startAttached(engine, references[0]!, flags);
}

/** What a system unit does after a boot. One that cannot be started keeps no other from it. */
async function startDue(engine: Engine): Promise<void> {
  const { records, failed } = dueContainers(engine);
  for (const error of failed) printError(errorText(error));
  if (failed.length > 0) process.exitCode = 1;
  await forEach(
    records.map(({ name }) => name),
    (name) => startDetached(engine, name),
  );
}

/** One that runs is started already. */
async function startDetached(engine: Engine, reference: string): Promise<void> {
  const record = findContainer(engine, reference);
  if (isUp(containerStatus(engine, record))) return;
  const started = await startUninterrupted(() =>
    startContainer(engine, record, { detached: true, interactive: false }),
  );
  closeSync(started.control);
}

async function startAttached(engine: Engine, reference: string, flags: StartFlags): Promise<void> {
  const goal = `start ${reference}`;
  const record = findContainer(engine, reference);
  const options = unpackOptions(record.options);
  const interactive = (flags.interactive ?? false) && options.interactive;
  const manners = readComerFlags(flags, options.tty);
  const attached = { ...attachment(goal, { interactive, tty: options.tty }), relay: manners };
  if (isUp(containerStatus(engine, record)))
    becomeRelay(goal, await attachToContainer(engine, record, interactive), { ...manners, late: true });
  becomeRelay(goal, await startUninterrupted(() => startContainer(engine, record, attached)), manners);
}
