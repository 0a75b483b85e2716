import { lstatSync } from 'node:fs';
import { AT } from '../../kernel/constants.ts';
import { isAlive } from '../../kernel/procfs.ts';
import { play } from '../../plan/play.ts';
import { step } from '../../plan/step.ts';
import { readRecord, readRunState } from '../../store/record.ts';
import type { Engine } from '../engine.ts';
import type { Finding, Stranger } from './finding.ts';
import { holderOf } from './processes.ts';
import { changedAt, ID, isThere, type Scene } from './scene.ts';
import { insist } from './while-free.ts';

/** A start takes milliseconds from its directory to its state: one that is older is over. */
const START_TAKES_MS = 60_000;
/** The events, the run before's, and what the run directory holds besides. */
const OURS = /^events\.jsonl(?:\.\d+)?(?:\.lock)?$/;

/** Of a container of another data root that shares the run directory, it may be alive; then it is not ours to judge. */
export function lookAtRunDirectories(scene: Scene): Finding[] {
  const { engine, ids, runs } = scene;
  return runs
    .filter((id) => ID.test(id) && !ids.has(id) && isOver(engine, id))
    .map((id): Finding => {
      const where = engine.paths.run(id);
      return {
        kind: 'run-directory',
        where,
        container: id,
        what: 'the state of a run that is over, and whose container is gone',
        since: changedAt(where),
        heldBy: scene.processes.holders(where),
        fix: 'removes it',
        repair: () => {
          insist(readRecord(engine.paths, id) === undefined && isOver(engine, id), 'it has a container');
          const tree = { dirfd: AT.AT_FDCWD, name: where };
          play(`remove ${where}`, [step('remove_tree', tree, 'of a run that is over')]);
        },
      };
    });
}

function isOver(engine: Engine, id: string): boolean {
  const run = readRunState(engine.paths, id);
  if (run === undefined) return isOld(engine.paths.run(id));
  const alive = [run, run.monitor].some((one) => one && isAlive(one.pid, one.startTime, run.bootId));
  return !alive;
}

function isOld(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found !== undefined && Date.now() - found.mtimeMs > START_TAKES_MS;
}

export function strangeRuns({ engine, ids, runs, processes }: Scene): Stranger[] {
  const { paths } = engine;
  const alive = runs
    .filter((id) => ID.test(id) && !ids.has(id) && isThere(paths.run(id)) && !isOver(engine, id))
    .map((id): Stranger => {
      const process = processes.all.get(readRunState(paths, id)?.pid ?? 0);
      const where = paths.run(id);
      const what = 'a run whose container is not below this data root';
      return { where, what, since: changedAt(where), heldBy: process ? [holderOf(process)] : [] };
    });
  const others = runs.filter((name) => !ID.test(name) && !OURS.test(name) && !name.includes('.tmp'));
  return [
    ...alive,
    ...others.map((name) => ({ where: paths.run(name), what: 'is none of the names that tsrun gives', heldBy: [] })),
  ];
}
