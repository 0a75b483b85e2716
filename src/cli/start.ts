import { Command } from 'commander';
import { findContainer } from '../engine/find.ts';
import { unpackOptions } from '../engine/saved-options.ts';
import { startContainer } from '../engine/start.ts';
import { TsrunError } from '../errors/tsrun-error.ts';
import { becomeRelay } from '../runtime/relay.ts';
import { engineFrom, requireRoot } from './context.ts';
import type { GlobalFlags } from './flags.ts';
import { attachment } from './terminal.ts';
import { startUninterrupted } from './uninterrupted.ts';

interface StartFlags extends GlobalFlags {
  attach?: boolean;
  interactive?: boolean;
}

export function startCommand(): Command {
  return new Command('start')
    .description('run a container that has ended once more, on what it wrote before')
    .argument('<container>')
    .option('-a, --attach', 'connect standard output and error, and pass signals on')
    .option('-i, --interactive', 'connect standard input too')
    .action((reference: string, _flags: unknown, self: Command) => start(reference, self.optsWithGlobals()));
}

async function start(reference: string, flags: StartFlags): Promise<void> {
  const goal = `start ${reference}`;
  requireRoot(goal);
  if (!flags.attach && !flags.interactive)
    throw new TsrunError('unsupported', `${goal}: detached containers are not supported yet`, {
      hint: 'tsrun start -a',
    });
  const engine = engineFrom(flags);
  const record = findContainer(engine, reference);
  const options = unpackOptions(record.options);
  const interactive = (flags.interactive ?? false) && options.interactive;
  const attached = { ...attachment(goal, { interactive, tty: options.tty }), relay: true };
  becomeRelay(goal, await startUninterrupted(() => startContainer(engine, record, attached)));
}
