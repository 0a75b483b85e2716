import { Command } from 'commander';
import { attachToContainer } from '../engine/attach.ts';
import { findContainer } from '../engine/find.ts';
import { unpackOptions } from '../engine/saved-options.ts';
import { becomeRelay } from '../runtime/relay.ts';
import { CLIENT_FLAGS, type ClientFlags, readComerFlags } from './client-flags.ts';
import { engineFrom, requireRoot } from './context.ts';
import { withDockerWords } from './docker-words.ts';
import { addFlags, type Flag, type GlobalFlags } from './flags.ts';
import { attachment } from './terminal.ts';

const FLAGS: readonly Flag[] = [...CLIENT_FLAGS, ['--no-stdin', 'leave standard input alone']];

interface AttachFlags extends ClientFlags, GlobalFlags {
  noStdin?: boolean;
}

export function attachCommand(): Command {
  const command = new Command('attach')
    .description('connect to the streams of a running container')
    .argument('<container>');
  return withDockerWords(addFlags(command, FLAGS)).action((reference: string, _flags: unknown, self: Command) =>
    attach(reference, self.optsWithGlobals()),
  );
}

async function attach(reference: string, flags: AttachFlags): Promise<void> {
  const goal = `attach ${reference}`;
  requireRoot(goal);
  const engine = engineFrom(flags);
  const record = findContainer(engine, reference);
  const options = unpackOptions(record.options);
  const interactive = !flags.noStdin && options.interactive;
  attachment(goal, { interactive, tty: options.tty }); // a terminal is fed from a terminal
  const manners = { ...readComerFlags(flags, options.tty), late: true };
  becomeRelay(goal, await attachToContainer(engine, record, interactive), manners);
}
