import { DEFAULT_DATA_ROOT, DEFAULT_RUN_ROOT } from '../engine/engine.ts';
import { usageError } from '../engine/options/usage-error.ts';

/** What the unit names; all paths are absolute. */
export interface UnitFacts {
  /** Of Node: what a service has for PATH is another's than ours. */
  node: string;
  /** bin/tsrun.cjs, whichever link it was called by. */
  program: string;
  dataRoot: string;
  runRoot: string;
}

/**
 * A systemd unit that starts after a boot what the restart policies say. Its containers are not its own: the monitors, which live in its
 * cgroup, outlast `systemctl stop`, and at a shutdown systemd tells all processes that are left.
 */
export function unitText({ node, program, dataRoot, runRoot }: UnitFacts): string {
  const root = dataRoot === DEFAULT_DATA_ROOT ? [] : ['--data-root', dataRoot];
  const command = [node, '--', program, 'start', '--restart-policy', ...root].map(quoted).join(' ');
  const run = runRoot === DEFAULT_RUN_ROOT ? [] : [`Environment=${quoted(`TSRUN_RUN=${runRoot}`)}`];
  return `${[
    '[Unit]',
    'Description=tsrun containers that are to run after a boot',
    'After=local-fs.target network.target',
    `RequiresMountsFor=${quoted(dataRoot)}`,
    '',
    '[Service]',
    'Type=oneshot',
    'RemainAfterExit=yes',
    'KillMode=process',
    ...run,
    `ExecStart=${command.replaceAll('$', '$$$$')}`,
    '',
    '[Install]',
    'WantedBy=multi-user.target',
  ].join('\n')}\n`;
}

/** A word of systemd.syntax(7): its specifiers begin with %. */
function quoted(word: string): string {
  if (/[\x00-\x1f\x7f]/.test(word)) throw usageError(`a unit cannot name ${JSON.stringify(word)}: a control character`);
  const escaped = word.replaceAll('%', '%%').replaceAll('\\', '\\\\').replaceAll('"', '\\"');
  return /^[\w./@:=%-]+$/.test(escaped) ? escaped : `"${escaped}"`;
}
