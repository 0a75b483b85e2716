import { Command } from 'commander';
import { versionInfo } from '../engine/info.ts';
import { compileTemplate } from './format/template.ts';
import { printTemplate } from './output.ts';
import { print } from './report.ts';

export function versionCommand(): Command {
  return new Command('version')
    .description('print the versions of tsrun and of what it runs on')
    .option('-f, --format <template>', 'json, or a Go template')
    .action((flags: { format?: string }) => version(flags.format));
}

const LABELS: Record<string, string> = {
  Version: 'Version',
  NodeVersion: 'Node',
  KernelVersion: 'Kernel',
  Os: 'OS',
  Arch: 'Architecture',
  NativeAbiVersion: 'Native ABI',
};

function version(format: string | undefined): void {
  const info = versionInfo();
  if (format) return printTemplate(compileTemplate(format === 'json' ? '{{json .}}' : format)(info));
  const lines = Object.entries(info.Client).map(([key, value]) => ` ${`${LABELS[key] ?? key}:`.padEnd(14)}${value}\n`);
  print(`Client: tsrun\n${lines.join('')}`);
}
