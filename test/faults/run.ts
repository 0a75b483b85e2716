import { SCENES } from './scenes.ts';
import { Anvil, ERRNOS, type Errno, sweep, type Tally } from './sweep.ts';

/**
 * `npm run sweep [-- scene=run,start kind=kill,EIO stride=7 role=keep,relay anvils=2]`: strikes every command line at every system call, in every way.
 * Without words: everything, which takes an hour.
 */
const given = new Map(process.argv.slice(2).map((word) => word.split('=') as [string, string]));
const wanted = (key: string, all: readonly string[]): string[] => given.get(key)?.split(',') ?? [...all];
const stride = Number(given.get('stride') ?? 1);
const say = (line: string): unknown => process.stdout.write(`${line}\n`);

const anvils: Anvil[] = [];
for (let i = 0; i < Number(given.get('anvils') ?? 2); i++) anvils.push(await Anvil.open());
const tallies: Tally[] = [];
const scenes = wanted(
  'scene',
  SCENES.map(({ name }) => name),
);
try {
  for (const scene of SCENES.filter(({ name }) => scenes.includes(name)))
    for (const kind of wanted('kind', ['kill', ...ERRNOS]) as ('kill' | Errno)[]) {
      const begin = performance.now();
      const tally = await sweep(anvils, scene, kind, { stride, roles: given.get('role')?.split(',') }, say);
      tallies.push(tally);
      say(`${row(tally)} ${((performance.now() - begin) / 1000).toFixed(0)} s`);
    }
} finally {
  for (const anvil of anvils) await anvil.close();
}

function row({ scene, kind, points, missed, aborted, findings }: Tally): string {
  const cell = (text: string | number): string => String(text).padStart(8);
  return `${scene.padEnd(16)} ${kind.padEnd(8)}${cell(points)}${cell(missed)}${cell(aborted)}${cell(findings.length)}`;
}

say(
  `\n${'scene'.padEnd(16)} ${'blow'.padEnd(8)}${'points'.padStart(8)}${'missed'.padStart(8)}${'aborted'.padStart(8)}${'failed'.padStart(8)}`,
);
for (const tally of tallies) say(row(tally));
process.exitCode = tallies.some(({ findings }) => findings.length > 0) ? 1 : 0;
