import { readdirSync } from 'node:fs';
import { play } from '../../plan/play.ts';
import { isLayer } from '../../store/layers.ts';
import { readRecord } from '../../store/record.ts';
import { findBelongings, ownerOf, removeDamagedSteps } from '../damaged.ts';
import type { Engine } from '../engine.ts';
import { isRunning, sayWhoIsLeft } from '../kill.ts';
import { isBusy } from './containers.ts';
import type { Finding } from './finding.ts';
import { membersOf } from './processes.ts';
import { changedAt, isThere, type Scene } from './scene.ts';
import { insist, whileFree } from './while-free.ts';

/** Directories of containers whose record is not there or says nothing. What such a container wrote, only `rm -f` takes away. */
export function lookAtDamaged(scene: Scene): Finding[] {
  const { ids, records } = scene;
  const rest = [...ids].filter((id) => !records.has(id) && !isBusy(scene, id));
  return rest.filter((id) => !mayNotRead(scene, id)).map((id) => damaged(scene, id));
}

const mayNotRead = ({ engine, unread }: Scene, id: string): boolean =>
  unread.has(`${engine.paths.container(id)}: EACCES`);

function damaged(scene: Scene, id: string): Finding {
  const { engine, processes } = scene;
  const where = engine.paths.container(id);
  const short = id.slice(0, 12);
  const there = isThere(`${where}/container.json`);
  const what = there
    ? `the record of container ${short} is damaged`
    : `container ${short} has no record: a command was killed while making or removing it`;
  const about = { kind: 'record', where, container: id, what, since: changedAt(where) } as const;
  if (isRunning(engine, id))
    return {
      ...about,
      heldBy: membersOf(scene, id),
      advice: `it runs: tsrun rm -f ${short} ends and removes it`,
    };
  const heldBy = processes.holders(`${where}/run.lock`);
  const written = writtenBy(engine, id) ?? nobodysWriting(scene);
  if (written !== undefined)
    return { ...about, heldBy, advice: `what it wrote is kept, in ${written}: tsrun rm -f ${short}` };
  return { ...about, heldBy, fix: 'removes it; it has written nothing', repair: () => removeDamaged(engine, id) };
}

/** The upper directory of a container, when there is something in it. */
function writtenBy({ paths }: Engine, id: string): string | undefined {
  return findBelongings(paths, id)
    .layers.map(({ layer }) => `${paths.layer(layer)}/diff`)
    .find(isWritten);
}

/** One of a layer that no record has and that does not say whose it is: it may be this container's. */
function nobodysWriting({ engine: { paths }, layers, records }: Scene): string | undefined {
  const known = new Set([...records.values()].map(({ layer }) => layer));
  return layers
    .filter((layer) => isLayer(layer) && !known.has(layer) && ownerOf(paths, layer) === undefined)
    .map((layer) => `${paths.layer(layer)}/diff`)
    .find(isWritten);
}

function isWritten(diff: string): boolean {
  try {
    return readdirSync(diff).length > 0;
  } catch {
    return false;
  }
}

function removeDamaged(engine: Engine, id: string): void {
  whileFree(engine, id, 'run', () => {
    insist(!isRunning(engine, id), 'the container runs');
    insist(!isWhole(engine, id), 'the record can be read');
    insist(writtenBy(engine, id) === undefined, 'the container has written something');
    try {
      play(`remove container ${id.slice(0, 12)}`, removeDamagedSteps(engine, id));
    } catch (error) {
      throw sayWhoIsLeft(error, id);
    }
  });
}

function isWhole({ paths }: Engine, id: string): boolean {
  try {
    return readRecord(paths, id) !== undefined;
  } catch {
    return false;
  }
}
