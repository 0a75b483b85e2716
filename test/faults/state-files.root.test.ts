import { lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs, overlay, root } from '../support/needs.ts';
import { expectOk, type Outcome, openTsrun, type Tsrun } from '../support/tsrun.ts';
import { CLEAR, UNCLEAR } from './aftermath.ts';

/** Every `EVERY`th file of each kind of damage; all of them: TSRUN_SWEEP=all. */
const EVERY = process.env.TSRUN_SWEEP === 'all' ? 1 : 7;

const test = needs(suite('each file that we write is damaged'), root(), overlay());
let tsrun: Tsrun;
let neighbour: string[];

test.before(async () => {
  tsrun = await openTsrun();
  expectOk(tsrun.run(['run', '--name', 'neighbour', tsrun.rootfs, 'sh', '-c', 'echo mine > /f']));
  neighbour = tsrun.leftovers([]);
});
test.after(() => tsrun?.close());

type Damage = (path: string) => void;
/** A link or a socket is made whole or not at all: it can only be gone. */
const overwrite = (path: string, text: Buffer): void => {
  if (isWhole(path)) rmSync(path);
  else writeFileSync(path, text);
};
const DAMAGES: Record<string, Damage> = {
  gone: (path) => rmSync(path, { recursive: true }),
  empty: (path) => overwrite(path, Buffer.alloc(0)),
  garbage: (path) => overwrite(path, Buffer.from('\0\xff{"version":1,"'.repeat(40), 'latin1')),
  'cut in half': (path) => {
    const text = isWhole(path) ? Buffer.alloc(0) : readFileSync(path);
    overwrite(path, text.subarray(0, text.length >> 1));
  },
  'a directory': (path) => {
    rmSync(path, { recursive: true });
    mkdirSync(path);
  },
};

const isWhole = (path: string): boolean => {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found !== undefined && (found.isSymbolicLink() || found.isSocket());
};
const isDirectory = (path: string): boolean => lstatSync(path).isDirectory();

/** All that belongs to it, but for what the container itself wrote. */
function filesOf(id: string): string[] {
  const own = tsrun.leftovers([]).filter((path) => !neighbour.includes(path));
  const below = (path: string): string[] => {
    if (!isDirectory(path)) return [path];
    const names = readdirSync(path).filter((name) => name !== 'diff' && name !== 'work');
    return names.flatMap((name) => below(join(path, name)));
  };
  return own
    .filter((path) => !path.startsWith('/sys') && (path.includes(id) || !path.includes('/containers/')))
    .flatMap(below)
    .toSorted();
}

/** The same file of another container. */
const kind = (path: string): string =>
  relative(tsrun.directory, path)
    .replace(/[0-9a-f]{64}/g, 'ID')
    .replace(/\/[A-Z2-7]{26}$/, '/LINK');

function ended(): void {
  expectOk(tsrun.run(['run', '--name', 'hurt', tsrun.rootfs, 'sh', '-c', 'echo x > /f']));
}
async function running(): Promise<void> {
  await tsrun.container('hurt');
}

function judge(what: string, { code, stderr }: Outcome): string[] {
  const unclear = UNCLEAR.test(stderr) || (code !== 0 && !CLEAR.test(stderr));
  return unclear || ![0, 1, 125, 126, 127].includes(code) ? [`${what}: ${code} ${stderr}`] : [];
}

const VERBS = [
  ['inspect', 'hurt'],
  ['logs', 'hurt'],
  ['diff', 'hurt'],
  ['exec', 'hurt', 'true'],
  ['start', 'hurt'],
  ['stop', '-t', '1', 'hurt'],
  ['rename', 'hurt', 'hurt2'],
  ['rm', 'hurt'],
];

function problemsOf(id: string): string[] {
  const listed = tsrun.run(['ps', '-a', '--no-trunc']);
  const problems = listed.code === 0 && listed.stdout.includes('neighbour') ? [] : [`ps: ${JSON.stringify(listed)}`];
  problems.push(...judge('ps', listed));
  for (const words of VERBS) problems.push(...judge(words[0]!, tsrun.run(words)));
  const removed = tsrun.run(['rm', '-f', id]);
  if (removed.code !== 0 && !/No such container/.test(removed.stderr)) problems.push(...[`rm -f: ${removed.stderr}`]);
  const left = tsrun.leftovers([id]).filter((path) => !neighbour.includes(path));
  for (const path of left) rmSync(path, { recursive: true, force: true });
  return left.length === 0 ? problems : [...problems, `left: ${left.join(' ')}`];
}

async function idOf(make: () => void | Promise<void>): Promise<string> {
  await make();
  return tsrun.inspect('hurt', '{{.Id}}');
}

for (const [state, make] of [
  ['has ended', ended],
  ['runs', running],
] as const)
  for (const [index, [what, damage]] of Object.entries(DAMAGES).entries())
    test(`${what}, of one that ${state}: clear words, and rm -f removes all of it`, async () => {
      const kinds = filesOf(await idOf(make)).map(kind);
      expectOk(tsrun.run(['rm', '-f', 'hurt']));
      const found: Record<string, string[]> = {};
      for (let i = index % EVERY; i < kinds.length; i += EVERY) {
        const id = await idOf(make);
        const path = filesOf(id)[i]!;
        assert.is(kind(path), kinds[i]);
        damage(path);
        const problems = problemsOf(id);
        if (problems.length > 0) found[kind(path)] = problems;
      }
      assert.equal(found, {});
    });

test('the neighbour has lost nothing', () => {
  assert.equal(tsrun.leftovers([]), neighbour);
  assert.match(expectOk(tsrun.run(['diff', 'neighbour'])), 'A /f');
  expectOk(tsrun.run(['start', '-a', 'neighbour']));
  expectOk(tsrun.run(['rm', 'neighbour']));
  assert.equal(tsrun.leftovers([]), []);
});

test.run();
