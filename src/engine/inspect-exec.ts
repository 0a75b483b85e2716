import { TsrunError } from '../errors/tsrun-error.ts';
import { type ExecEntry, listExecs, readExec, stateOfExec } from '../store/exec-entry.ts';
import { listIds } from '../store/record.ts';
import type { Engine } from './engine.ts';

/** Nobody was left to record it: as containers have it. */
const LOST = 137;

/** What `GET /exec/ID/json` of Docker's API says of a process that exec started: its names, types and order. */
export type InspectedExec = ReturnType<typeof inspectExec>;

/**
 * @param reference its id or a unique prefix of that
 * @throws TsrunError 'not-found', 'conflict'
 */
export function inspectExec(engine: Engine, reference: string) {
  const entry = findExec(engine, reference);
  const state = stateOfExec(entry);
  const [entrypoint = '', ...words] = entry.command;
  return {
    ID: entry.id,
    Running: state === 'running',
    ExitCode: state === 'ended' ? (entry.exitCode ?? LOST) : null,
    ProcessConfig: {
      tty: entry.tty,
      entrypoint,
      arguments: words,
      privileged: entry.privileged,
      ...(entry.user === '' ? {} : { user: entry.user }),
    },
    OpenStdin: entry.interactive,
    OpenStderr: !entry.detach,
    OpenStdout: !entry.detach,
    CanRemove: state === 'ended',
    ContainerID: entry.container,
    DetachKeys: '',
    Pid: entry.pid ?? 0,
  };
}

/** Ids of what exec has started in a container and has not ended, oldest first; null for none, as Docker has it. */
export function execIdsOf({ paths }: Engine, container: string): string[] | null {
  const entries = listExecs(paths, container).flatMap((id) => readExec(paths, container, id) ?? []);
  const going = entries.filter((entry) => stateOfExec(entry) !== 'ended');
  if (going.length === 0) return null;
  return going.toSorted((a, b) => (a.createdNs < b.createdNs ? -1 : 1)).map(({ id }) => id);
}

function findExec({ paths }: Engine, reference: string): ExecEntry {
  const wanted = /^[0-9a-f]{1,64}$/.test(reference) ? reference : undefined;
  const found = listIds(paths).flatMap((container) =>
    listExecs(paths, container)
      .filter((id) => wanted !== undefined && id.startsWith(wanted))
      .map((id) => ({ container, id })),
  );
  if (found.length > 1)
    throw new TsrunError('conflict', `multiple IDs found with provided prefix: ${reference}`, {
      hint: 'give more digits of the id',
    });
  const [only] = found;
  const entry = only && readExec(paths, only.container, only.id);
  if (entry === undefined)
    throw new TsrunError('not-found', `No such exec instance: ${reference}`, {
      hint: "see `tsrun inspect -f '{{.ExecIDs}}' CONTAINER`, or `tsrun events` for those that have ended",
    });
  return entry;
}
