import { Command } from 'commander';
import { type EngineInfo, engineInfo } from '../engine/info.ts';
import { engineFrom } from './context.ts';
import type { GlobalFlags } from './flags.ts';
import { escapeControl } from './format/escape-control.ts';
import { bytesSize } from './format/human.ts';
import { compileTemplate } from './format/template.ts';
import { printTemplate } from './output.ts';
import { print, printError } from './report.ts';

interface InfoFlags extends GlobalFlags {
  format?: string;
}

export function infoCommand(): Command {
  return new Command('info')
    .description('print what tsrun finds on this machine: containers, storage, cgroups, kernel features, capabilities')
    .option('-f, --format <template>', 'json, or a Go template')
    .action((_flags: unknown, self: Command) => info(self.optsWithGlobals()));
}

function info(flags: InfoFlags): void {
  const found = engineInfo(engineFrom(flags));
  if (flags.format) return printTemplate(compileTemplate(flags.format === 'json' ? '{{json .}}' : flags.format)(found));
  print(
    infoLines(found)
      .map((line) => `${escapeControl(line)}\n`)
      .join(''),
  );
  for (const warning of found.Warnings) printError(`WARNING: ${escapeControl(warning)}\n`);
}

const known = (value: number | null): string => (value === null ? 'unknown' : String(value));
const YES_NO = new Map([
  [true, 'yes'],
  [false, 'no'],
  [null, 'unknown'],
]);

function infoLines(found: EngineInfo): string[] {
  const { Available, Missing } = found.Capabilities;
  return [
    `Containers: ${known(found.Containers)}`,
    ` Running: ${known(found.ContainersRunning)}`,
    ` Paused: ${known(found.ContainersPaused)}`,
    ` Stopped: ${known(found.ContainersStopped)}`,
    ` Damaged: ${known(found.ContainersDamaged)}`,
    `Server Version: ${found.ServerVersion}`,
    `Storage Driver: ${found.Driver}`,
    ...found.DriverStatus.map(([name, value]) => ` ${name}: ${value}`),
    `Cgroup Version: ${found.CgroupVersion || 'none'}${found.CgroupMode === 'hybrid' ? ' (hybrid)' : ''}`,
    'Security Options:',
    ...found.SecurityOptions.map((option) => ` ${option.replace('name=', '')}`),
    `Capabilities: ${Available.length} of ${Available.length + Missing.length}`,
    ...(Missing.length > 0 ? [` Missing: ${Missing.join(' ')}`] : []),
    `Kernel Version: ${found.KernelVersion}`,
    'Kernel Features:',
    ...found.KernelFeatures.map((one) => ` ${one.Name}: ${YES_NO.get(one.Available)} (Linux ${one.Since}; ${one.Use})`),
    `Operating System: ${found.OperatingSystem}`,
    `OSType: ${found.OSType}`,
    `Architecture: ${found.Architecture}`,
    `CPUs: ${found.NCPU}`,
    `Total Memory: ${bytesSize(found.MemTotal)}`,
    `Name: ${found.Name}`,
    `Data Root: ${found.DockerRootDir}`,
    `Run Directory: ${found.RunDir}`,
  ];
}
