import { constants } from 'node:os';
import { resolve } from 'node:path';
import { Command } from 'commander';
import type { ContainerEvent } from '../engine/events/event.ts';
import { events } from '../engine/events/watch-events.ts';
import { parseTimeValue } from '../engine/options/time-value.ts';
import { engineFrom, workingDirectory } from './context.ts';
import { maybeFlag } from './flag-values.ts';
import { collect, type GlobalFlags } from './flags.ts';
import { eventLine, eventTemplate } from './format/event-text.ts';
import { jsonText, templateText } from './output.ts';
import { printToReader } from './report.ts';

interface EventsFlags extends GlobalFlags {
  filter?: string[];
  format?: string;
  since?: string;
  until?: string;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export function eventsCommand(): Command {
  return new Command('events')
    .description('print what happens to containers, as it happens')
    .option('-f, --filter <key=value>', 'only those with this container, event, image, label, scope or type', collect)
    .option('--format <format>', 'json, or a Go template for each')
    .option('--since <time>', 'also what has happened since: a time, seconds since 1970, or how long ago')
    .option('--until <time>', 'only what happens until then')
    .action((_flags: unknown, self: Command) => printEvents(self.optsWithGlobals()));
}

async function printEvents(flags: EventsFlags): Promise<void> {
  const now = BigInt(Date.now()) * 1_000_000n;
  const time = (flag: string, text: string | undefined) => maybeFlag(flag, text, (value) => parseTimeValue(value, now));
  const show = printer(flags.format ?? '');
  const options = {
    since: time('--since', flags.since),
    until: time('--until', flags.until),
    filters: flags.filter?.map(withWholePath),
    signal: untilInterrupted(),
  };
  for await (const event of events(engineFrom(flags), options)) if (!printToReader(`${show(event)}\n`)) return;
}

/** A root directory is known by its absolute path. */
function withWholePath(filter: string): string {
  return filter.replace(
    /^(image=)(\.\.?(?:\/.*)?)$/s,
    (_, key: string, path: string) => key + resolve(workingDirectory(), path),
  );
}

function printer(format: string): (event: ContainerEvent) => string {
  if (format === '') return eventLine;
  const show = eventTemplate(format === 'json' ? '{{json .}}' : format);
  return format === 'json' ? (event) => jsonText(show(event)) : (event) => templateText(show(event));
}

/** Docker's exit codes: 128 and the signal's number. */
function untilInterrupted(): AbortSignal {
  const controller = new AbortController();
  for (const name of SIGNALS)
    process.on(name, () => {
      process.exitCode = 128 + constants.signals[name];
      controller.abort();
    });
  return controller.signal;
}
