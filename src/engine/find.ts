import { accessSync, constants } from 'node:fs';
import { noSuchContainer } from '../errors/no-such-container.ts';
import { TsrunError } from '../errors/tsrun-error.ts';
import { fileError } from '../store/files.ts';
import { isSpoiltName, nameOwner } from '../store/names.ts';
import type { Paths } from '../store/paths.ts';
import { type ContainerRecord, listIds, readRecord } from '../store/record.ts';
import type { Engine } from './engine.ts';
import { parseContainerReference } from './options/parse-name.ts';

const HINT = 'see `tsrun ps -a`';

/** The id that a name, an id, or a unique prefix of an id means: Docker's order. @throws TsrunError 'not-found', 'conflict' */
export function findId({ paths }: Engine, reference: string): string {
  const wanted = parseContainerReference(reference);
  const ids = listIds(paths);
  if (ids.includes(wanted)) return wanted;
  const owner = nameOwner(paths, wanted) ?? nameInRecords(paths, ids, wanted);
  if (owner !== undefined && ids.includes(owner)) return owner;
  const matches = ids.filter((id) => id.startsWith(wanted));
  if (matches.length > 1)
    throw new TsrunError('conflict', `multiple IDs found with provided prefix: ${wanted}`, {
      exitCode: 1,
      hint: 'give more digits of the id',
    });
  if (matches[0] === undefined) throw noSuchContainer(wanted, HINT);
  return matches[0];
}

/** @throws TsrunError also when its record is damaged */
export function findContainer(engine: Engine, reference: string): ContainerRecord {
  const id = findId(engine, reference);
  const record = readOrSay(engine, id, reference);
  if (record === undefined) throw noSuchContainer(reference, HINT);
  return record;
}

function readOrSay({ paths }: Engine, id: string, reference: string): ContainerRecord | undefined {
  try {
    return readRecord(paths, id);
  } catch (error) {
    throw fileError(`find container ${reference}`, error);
  }
}

/** For a reader who is not root and may see the records but not the names; and where something else is in the place of a name. */
function nameInRecords(paths: Paths, ids: readonly string[], name: string): string | undefined {
  if (!isSpoiltName(paths, name) && !isClosed(paths.names)) return undefined;
  return ids.find((id) => {
    try {
      return readRecord(paths, id)?.name === name;
    } catch {
      return false; // another's
    }
  });
}

function isClosed(directory: string): boolean {
  try {
    accessSync(directory, constants.X_OK);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES';
  }
}
