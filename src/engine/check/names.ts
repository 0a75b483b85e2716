import { lstatSync } from 'node:fs';
import { AT } from '../../kernel/constants.ts';
import { play } from '../../plan/play.ts';
import { step } from '../../plan/step.ts';
import { claimName, freeStaleName, nameOwner } from '../../store/names.ts';
import { type ContainerRecord, readRecord } from '../../store/record.ts';
import { isBusy } from './containers.ts';
import type { Finding, Stranger } from './finding.ts';
import { changedAt, type Scene } from './scene.ts';
import { insist, whileFree } from './while-free.ts';

/** Names that lead to no container, or to one that has another name; and containers whose name leads elsewhere. */
export function lookAtNames(scene: Scene): Finding[] {
  return [...scene.names.flatMap((name) => wrongName(scene, name)), ...unnamed(scene)];
}

export function strangeNames({ engine: { paths }, names }: Scene): Stranger[] {
  return names
    .filter((name) => nameOwner(paths, name) === undefined && isNoLink(paths.name(name)))
    .map((name) => ({ where: paths.name(name), what: 'is no link to a container', heldBy: [] }));
}

const isNoLink = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === false;

function wrongName(scene: Scene, name: string): Finding[] {
  const { engine, ids, records } = scene;
  const { paths } = engine;
  const where = paths.name(name);
  const owner = nameOwner(paths, name);
  if (owner === undefined) return [];
  const about = { kind: 'name', where, since: changedAt(where), heldBy: [], fix: 'frees the name' } as const;
  if (!ids.has(owner))
    return [
      { ...about, what: `its container ${owner.slice(0, 12)} is gone`, repair: () => freeStaleName(paths, name) },
    ];
  const record = records.get(owner);
  if (record === undefined || record.name === name || isBusy(scene, owner)) return [];
  const repair = () =>
    whileFree(engine, owner, 'command', () => {
      insist(readRecord(paths, owner)?.name !== name, 'the container has that name');
      const link = { dirfd: AT.AT_FDCWD, pathname: where, target: owner };
      play(`free the name ${name}`, [step('unlink_link', link, 'a rename was killed before it did')]);
    });
  return [{ ...about, container: owner, what: `its container is named ${record.name}`, repair }];
}

function unnamed(scene: Scene): Finding[] {
  return [...scene.records.values()]
    .filter(({ id, name }) => nameOwner(scene.engine.paths, name) !== id && !isBusy(scene, id))
    .map((record) => nameless(scene, record));
}

function nameless({ engine, ids }: Scene, { id, name }: ContainerRecord): Finding {
  const { paths } = engine;
  const owner = nameOwner(paths, name);
  const taken = owner !== undefined && ids.has(owner);
  const short = id.slice(0, 12);
  const repair = () =>
    whileFree(engine, id, 'command', () => {
      insist(readRecord(paths, id)?.name === name, 'the container has another name');
      claimName(paths, name, id);
    });
  return {
    kind: 'name',
    where: paths.name(name),
    container: id,
    what: `container ${short} is named ${name}, but the name does not lead to it`,
    since: changedAt(paths.container(id)),
    heldBy: [],
    ...(taken
      ? { advice: `container ${owner.slice(0, 12)} has it: tsrun rename ${short} NAME` }
      : { fix: 'claims the name for it', repair }),
  };
}
