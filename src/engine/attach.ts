import { TsrunError } from '../errors/tsrun-error.ts';
import { connectToMonitor } from '../runtime/attach.ts';
import type { Ends } from '../runtime/descriptors.ts';
import type { ContainerRecord } from '../store/record.ts';
import type { Engine } from './engine.ts';
import { recordEvent } from './events/record-event.ts';
import { unpackOptions } from './saved-options.ts';
import { containerStatus } from './status.ts';

export interface AttachedTo extends Ends {
  interactive: boolean;
  monitored: true;
}

/** With Docker's code for it. */
const refuse = (message: string, hint?: string) => new TsrunError('conflict', message, { exitCode: 1, hint });

/**
 * Connects to the streams of a running container, beside others who are connected.
 * @param feeds standard input, too, if the container has one
 * @throws TsrunError 'conflict' when it does not run, is paused, or has lost its monitor
 */
export async function attachToContainer(engine: Engine, record: ContainerRecord, feeds: boolean): Promise<AttachedTo> {
  const goal = `attach ${record.name}`;
  const { tty, interactive } = unpackOptions(record.options);
  const { status } = containerStatus(engine, record);
  if (status === 'paused') throw refuse(`${goal}: You cannot attach to a paused container, unpause it first`);
  if (status === 'restarting')
    throw refuse(`${goal}: You cannot attach to a restarting container, wait until it is running`);
  const client = { attached: true, fed: feeds && interactive };
  const connection = await connectToMonitor(goal, engine.paths.run(record.id), tty, client);
  if (connection !== undefined && 'ends' in connection) {
    recordEvent(engine, record, 'attach');
    return { ...connection.ends, interactive: client.fed, monitored: true };
  }
  if (connection !== undefined || containerStatus(engine, record).status !== 'running')
    throw refuse(`${goal}: You cannot attach to a stopped container, start it first`, `tsrun start -a ${record.name}`);
  throw new TsrunError('conflict', `${goal}: the monitor of this container is gone, and its streams with it`, {
    hint: 'its command still runs: tsrun exec enters it, tsrun restart gives it a monitor',
  });
}
