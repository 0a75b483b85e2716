import { TsrunError } from '../../errors/tsrun-error.ts';
import { type Engine, refuseForeignDirectories } from '../engine.ts';
import { lookAtCgroups, strangeCgroups } from './cgroups.ts';
import { lookAtContainers } from './containers.ts';
import { lookAtDamaged } from './damaged-records.ts';
import { type Finding, keyOf, type Stranger } from './finding.ts';
import { lookAtLayers, strangeLayers } from './layers.ts';
import { lookAtMonitors } from './monitors.ts';
import { lookAtMounts, strangeMounts } from './mounts.ts';
import { lookAtNames, strangeNames } from './names.ts';
import { lookAtRunDirectories, strangeRuns } from './run-directories.ts';
import { readScene } from './scene.ts';

/** What one that is gone hid, such as the directory of a monitor that was killed, is found then. */
const ROUNDS = 3;

/** What became of a finding. */
export type Outcome = 'found' | 'fixed' | 'remains';

export interface CheckedFinding extends Omit<Finding, 'repair'> {
  outcome: Outcome;
  /** Why it could not be fixed. */
  error?: string | undefined;
}

export interface CheckReport {
  findings: CheckedFinding[];
  /** What nobody can tell the owner of: it is let be, and does not count. */
  strangers: Stranger[];
  /** What could not be looked at. */
  unread: string[];
}

interface Look {
  findings: Map<string, Finding>;
  strangers: Stranger[];
  unread: string[];
}

function look(engine: Engine): Look {
  const scene = readScene(engine);
  const findings = [
    ...lookAtMonitors(scene),
    ...lookAtMounts(scene),
    ...lookAtContainers(scene),
    ...lookAtDamaged(scene),
    ...lookAtRunDirectories(scene),
    ...lookAtCgroups(scene),
    ...lookAtLayers(scene),
    ...lookAtNames(scene),
  ];
  const strangers = [
    ...strangeMounts(scene),
    ...strangeCgroups(scene),
    ...strangeRuns(scene),
    ...strangeLayers(scene),
    ...strangeNames(scene),
  ];
  return { findings: new Map(findings.map((one) => [keyOf(one), one])), strangers, unread: [...scene.unread] };
}

/** What is seen twice: a container that comes or goes meanwhile shows halves of itself, and never the same for long. */
function lookTwice(engine: Engine): Look {
  const first = look(engine);
  if (first.findings.size + first.strangers.length === 0) return first;
  const second = look(engine);
  const findings = new Map([...second.findings].filter(([key]) => first.findings.has(key)));
  const strange = new Set(first.strangers.map(({ where }) => where));
  return { ...second, findings, strangers: second.strangers.filter(({ where }) => strange.has(where)) };
}

/**
 * `tsrun system check`: all that tsrun may have left. Changes nothing unless `fix` is given; then it takes away what is certain to be
 * this data root's and nobody's any more, one finding after the other, each with the locks that its own command would take.
 * @throws TsrunError when the containers cannot be listed
 */
export function checkSystem(engine: Engine, { fix }: { fix: boolean }): CheckReport {
  if (fix) refuseForeignDirectories(engine, 'system check --fix');
  let now = lookTwice(engine);
  const { strangers, unread } = now;
  const seen = new Map(now.findings);
  const errors = new Map<string, string>();
  for (let round = 0; fix && round < ROUNDS && [...now.findings.values()].some(({ repair }) => repair); round++) {
    for (const [key, finding] of now.findings) tryToFix(key, finding, errors);
    now = lookTwice(engine);
    for (const [key, finding] of now.findings) seen.set(key, finding);
  }
  const findings = [...seen].map(([key, { repair: _, ...finding }]): CheckedFinding => {
    const outcome = !fix ? 'found' : now.findings.has(key) ? 'remains' : 'fixed';
    const error = outcome === 'remains' ? errors.get(key) : undefined;
    return { ...finding, outcome, ...(error === undefined ? {} : { error }) };
  });
  return { findings, strangers, unread };
}

function tryToFix(key: string, { repair }: Finding, errors: Map<string, string>): void {
  try {
    repair?.();
    errors.delete(key);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (!(error instanceof TsrunError) && code === undefined) throw error; // a defect of ours
    errors.set(key, (error as Error).message);
  }
}
