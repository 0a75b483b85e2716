import { unlinkSync } from 'node:fs';
import { AT } from '../../kernel/constants.ts';
import { play } from '../../plan/play.ts';
import { type Step, step } from '../../plan/step.ts';
import { isLayer, isLink, REMOVING } from '../../store/layers.ts';
import { findBelongings, INIT, linksOf, ownerOf } from '../damaged.ts';
import type { Engine } from '../engine.ts';
import type { Finding, Holder, Stranger } from './finding.ts';
import { holderOf } from './processes.ts';
import { changedAt, isThere, readScene, type Scene, targetOf } from './scene.ts';
import { insist } from './while-free.ts';

const TRIAL = /^trial-(\d+)$/;
const ENDINGS = [INIT, REMOVING];
function layerOf(name: string): string {
  const ending = ENDINGS.find((one) => name.endsWith(one)) ?? '';
  return name.slice(0, name.length - ending.length);
}
const at = { dirfd: AT.AT_FDCWD };

/** What records speak of, and what containers without a whole record have: layers and short names. */
function claimed({ engine: { paths }, ids, records }: Scene): Set<string> {
  const whole = [...records.values()].flatMap(({ layer, links }) => [layer, ...Object.values(links)]);
  const hurt = [...ids]
    .filter((id) => !records.has(id))
    .flatMap((id) => findBelongings(paths, id).layers.flatMap(({ layer, links }) => [layer, ...links]));
  return new Set([...whole, ...hurt]);
}

/** Layers that no container has. */
function orphans(scene: Scene, taken: ReadonlySet<string>): string[] {
  const layers = scene.layers.map(layerOf).filter((layer) => isLayer(layer) && !taken.has(layer));
  return [...new Set(layers)];
}

export function lookAtLayers(scene: Scene): Finding[] {
  const { engine, unread } = scene;
  const { paths } = engine;
  if ([...unread].some((path) => path.startsWith(paths.containers))) return []; // whose they are cannot be told
  const taken = claimed(scene);
  const lost = orphans(scene, taken);
  const theirs = new Set(lost.flatMap((layer) => linksOf(paths, layer)));
  const links = scene.links.filter((link) => isLink(link) && !taken.has(link) && !theirs.has(link));
  return [
    ...lost.map((layer) => orphanLayer(scene, layer, taken)),
    ...links.map((link) => orphanLink(engine, link)),
    ...trials(scene),
  ];
}

export function strangeLayers({ engine: { paths }, layers, links }: Scene): Stranger[] {
  const what = 'is none of the names that tsrun gives';
  return [
    ...layers.filter((name) => !isLayer(layerOf(name)) && !TRIAL.test(name)).map((name) => paths.layer(name)),
    ...links.filter((name) => !isLink(name)).map((name) => `${paths.links}/${name}`),
  ].map((where) => ({ where, what, since: changedAt(where), heldBy: [] }));
}

/** Who has an overlay mounted with it. */
function mountedBy({ processes }: Scene, layer: string): Holder[] {
  return processes.namespaces
    .filter(({ mountinfo }) => mountinfo.includes(`upperdir=${layer}/diff`))
    .flatMap(({ pid }) => processes.all.get(pid) ?? [])
    .map(holderOf);
}

function orphanLayer(scene: Scene, layer: string, taken: ReadonlySet<string>): Finding {
  const { engine, processes } = scene;
  const { paths } = engine;
  const trees = ['', ...ENDINGS].map((ending) => paths.layer(`${layer}${ending}`));
  const [top, init, aside] = trees as [string, string, string];
  const where = trees.find(isThere) ?? top;
  const owner = ownerOf(paths, layer);
  const mounted = mountedBy(scene, layer);
  const links = linksOf(paths, layer).filter((link) => !taken.has(link));
  const heldBy = mounted.length > 0 ? mounted : trees.flatMap((tree) => processes.holders(tree));
  const about = { kind: 'layer', where, container: owner, since: changedAt(where), heldBy } as const;
  const what = `a layer without a container${owner === undefined ? '' : `: it was ${owner.slice(0, 12)}’s`}`;
  if (mounted.length > 0) return { ...about, what, advice: 'it is mounted: end those processes first' };
  const hurt = [...scene.ids].find((id) => !scene.records.has(id));
  if (owner === undefined && hurt !== undefined)
    return { ...about, what, advice: `it may be that of container ${hurt.slice(0, 12)}, whose record is damaged` };
  const repair = () => {
    const now = readScene(engine);
    insist(!claimed(now).has(layer), 'a container has the layer');
    insist(mountedBy(now, layer).length === 0, 'it is mounted');
    play(`remove layer ${layer.slice(0, 12)}`, [
      ...links.map((link) => unlinkStep(engine, link)),
      step('remove_tree', { ...at, name: aside }, 'what was being removed'),
      step('remove_tree', { ...at, name: top }, 'what its container wrote'),
      step('remove_tree', { ...at, name: init }, 'last: it says whose it was'),
    ]);
  };
  return { ...about, what, fix: 'removes it, with what is in it, and its short names', repair };
}

const unlinkStep = ({ paths }: Engine, link: string): Step =>
  step('unlinkat', { ...at, pathname: `${paths.links}/${link}`, flags: 0 }, 'a short name', { expect: { ENOENT: 0 } });

function orphanLink(engine: Engine, link: string): Finding {
  const where = `${engine.paths.links}/${link}`;
  const target = targetOf(where);
  return {
    kind: 'link',
    where,
    what: target === undefined ? 'is no link' : `a short name for ${target} that no layer has`,
    since: changedAt(where),
    heldBy: [],
    ...(target === undefined
      ? { advice: 'tsrun did not make it' }
      : { fix: 'removes it', repair: () => removeLink(engine, link) }),
  };
}

function removeLink(engine: Engine, link: string): void {
  insist(!claimed(readScene(engine)).has(link), 'a container has it');
  unlinkSync(`${engine.paths.links}/${link}`);
}

/** What overlay-check.ts tries its mount in. */
function trials({ engine: { paths }, layers, processes }: Scene): Finding[] {
  return layers.flatMap((name): Finding[] => {
    const pid = Number(TRIAL.exec(name)?.[1]);
    const where = paths.layer(name);
    if (Number.isNaN(pid) || processes.all.has(pid)) return [];
    const repair = () => {
      play('remove a trial', [step('remove_tree', { ...at, name: where }, 'a trial that was killed')]);
    };
    const what = 'a trial mount’s directories, of a command that was killed';
    return [{ kind: 'temporary', where, what, since: changedAt(where), heldBy: [], fix: 'removes it', repair }];
  });
}
