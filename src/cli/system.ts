import { realpathSync } from 'node:fs';
import { Command } from 'commander';
import { type CheckedFinding, type CheckReport, checkSystem } from '../engine/check/check.ts';
import type { Holder, Stranger } from '../engine/check/finding.ts';
import { usageError } from '../engine/options/usage-error.ts';
import { engineFrom, requireRoot } from './context.ts';
import type { GlobalFlags } from './flags.ts';
import { escapeControl } from './format/escape-control.ts';
import { humanDuration } from './format/human.ts';
import { jsonText } from './output.ts';
import { print, warn } from './report.ts';
import { unitText } from './system-unit.ts';

interface CheckFlags extends GlobalFlags {
  fix?: boolean;
  format?: string;
}

export function systemCommand(): Command {
  const check = new Command('check')
    .description('look for what commands, monitors and machines that were killed have left')
    .option('--fix', 'take it away, but nothing that a container runs in or has written')
    .option('--format <format>', 'json')
    .action((_flags: unknown, self: Command) => checkAll(self.optsWithGlobals()));
  const unit = new Command('unit')
    .description('print a systemd unit that starts containers after a boot, as their restart policies say')
    .addHelpText('after', UNIT_HELP)
    .action((_flags: unknown, self: Command) => printUnit(self.optsWithGlobals()));
  return new Command('system')
    .description('look after the whole of tsrun on this machine')
    .addCommand(check)
    .addCommand(unit);
}

const UNIT_HELP = `
Install it:
  tsrun system unit > /etc/systemd/system/tsrun.service
  systemctl enable tsrun.service`;

function printUnit(flags: GlobalFlags): void {
  const { dataRoot, runRoot } = engineFrom(flags).paths;
  const program = realpathSync(process.argv[1] ?? '');
  print(unitText({ node: realpathSync(process.execPath), program, dataRoot, runRoot }));
}

function checkAll(flags: CheckFlags): void {
  if (flags.format !== undefined && flags.format !== 'json')
    throw usageError(`invalid argument "${flags.format}" for "--format" flag: it is json`);
  const fix = flags.fix ?? false;
  if (fix) requireRoot('system check --fix');
  const report = checkSystem(engineFrom(flags), { fix });
  print(flags.format === 'json' ? jsonReport(report) : textReport(report));
  for (const what of report.unread) warn(`system check: cannot read ${what}`);
  if (countOf(report, 'fixed') < report.findings.length) process.exitCode = 1;
}

const countOf = ({ findings }: CheckReport, wanted: CheckedFinding['outcome']): number =>
  findings.filter(({ outcome }) => outcome === wanted).length;

function summary(report: CheckReport): { found: number; fixed: number; remain: number } {
  const [found, fixed] = [report.findings.length, countOf(report, 'fixed')];
  return { found, fixed, remain: found - fixed };
}

function jsonReport(report: CheckReport): string {
  return `${jsonText(JSON.stringify({ version: 1, ...report, summary: summary(report) }))}\n`;
}

function textReport(report: CheckReport): string {
  const { found, fixed, remain } = summary(report);
  const lines = [
    ...report.findings.flatMap(findingLines),
    ...report.strangers.flatMap(strangerLines),
    `${found} found, ${fixed} fixed, ${remain} remain`,
  ];
  return lines.map((line) => `${escapeControl(line)}\n`).join('');
}

function findingLines(finding: CheckedFinding): string[] {
  const { kind, where, what, outcome, fix, advice, error } = finding;
  return [
    `${outcome === 'fixed' ? 'fixed: ' : ''}${kind}: ${where}`,
    `  ${what}`,
    ...about(finding),
    ...(outcome === 'found' && fix !== undefined ? [`  --fix ${fix}`] : []),
    ...(outcome === 'remains' && error !== undefined ? [`  it remains: ${error}`] : []),
    ...(outcome !== 'fixed' && advice !== undefined ? [`  ${advice}`] : []),
  ];
}

function strangerLines(stranger: Stranger): string[] {
  return [`not known to be ours: ${stranger.where}`, `  ${stranger.what}`, ...about(stranger)];
}

function about({ since, heldBy }: { since?: string | undefined; heldBy: readonly Holder[] }): string[] {
  const ago = since === undefined ? undefined : humanDuration(Date.now() - Date.parse(since));
  return [
    ...(since === undefined ? [] : [`  since ${since} (${ago} ago)`]),
    ...heldBy.map(({ pid, command }) => `  held by ${pid}: ${command}`),
  ];
}
