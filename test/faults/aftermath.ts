import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { type Outcome, type Tsrun, until } from '../support/tsrun.ts';
import { cgroupsOf } from '../support/world.ts';
import { NAME, OTHER_NAME, type Scene } from './scenes.ts';
import type { Struck } from './strike.ts';

const SETTLES_MS = 4000;

/** A stack trace or a word of Node's own is a defect of ours, whatever was struck. */
export const UNCLEAR =
  /^\s+at .*[:(]\d+|node:internal|UnhandledPromise|Uncaught|^(?!Error: No such )\w*Error: |undefined|\[object/m;
export const CLEAR = /^(?:tsrun|Error): \S.*$/m;

/** What cannot be, after whatever was done to a command line of this scene. Empty: all is well. */
export async function aftermath(
  tsrun: Tsrun,
  scene: Scene,
  struck: Struck,
  known: ReadonlySet<string>,
): Promise<string[]> {
  const problems: string[] = [];
  const add = (what: string, { code, stdout, stderr }: Outcome): unknown =>
    problems.push(`${what}: ${code} ${stdout}${stderr}`);
  const ids = [...new Set([...known, ...struck.ids, ...tsrun.ids()])];
  if (UNCLEAR.test(struck.stderr) && !isAbortOfNode(struck)) problems.push(`unclear: ${struck.stderr}`);
  const state = await settledState(tsrun, problems);
  if (isToRun(scene, struck) && state !== 'running') problems.push(`it does not run any more: ${state}`);
  // One that was killed between making the directory and the record has no name yet: it is listed as dead, by its id.
  for (const wanted of listed(tsrun)) {
    const removed = tsrun.run(['rm', '-f', wanted]);
    const gone = removed.code !== 0 && /No such container/.test(removed.stderr);
    if (!gone && (removed.code !== 0 || removed.stderr !== '')) add('rm -f', removed);
  }
  const left = tsrun.leftovers(ids);
  if (left.length > 0) problems.push(`left: ${left.join(' ')}`);
  for (const path of left) takeAway(path);
  const again = tsrun.run(['run', '--rm', '--name', NAME, tsrun.rootfs, 'true']);
  if (again.code !== 0 || again.stderr !== '') add('the name again', again);
  problems.push(...(await struck.left()), ...mountsOf(tsrun));
  return problems;
}

const listed = (tsrun: Tsrun): string[] =>
  tsrun
    .run(['ps', '-aq', '--no-trunc'])
    .stdout.split('\n')
    .filter((id) => id !== '');

/** So that the next blow is judged by itself. */
function takeAway(path: string): void {
  if (path.startsWith('/sys/')) spawnSync('rmdir', [path]);
  else rmSync(path, { recursive: true, force: true });
}

/** Its own processes may have been killed: then it has ended, and the command line may not have heard of that. */
const isToRun = ({ runs }: Scene, { code, killed }: Struck): boolean =>
  runs === 'always' ? code !== 137 : runs === 'then' && code === 0 && !killed;

/**
 * Running: then another command can be executed in it, sooner or later: who was killed may have left others at work. Or exited, or not
 * there.
 */
async function settledState(tsrun: Tsrun, problems: string[]): Promise<string | undefined> {
  const deadline = performance.now() + SETTLES_MS;
  for (;;) {
    const seen = tsrun.run(['ps', '-a', '--format', '{{.State}} {{.Names}}']);
    const state = new RegExp(`^(\\w+) (?:${NAME}|${OTHER_NAME})$`, 'm').exec(seen.stdout)?.[1];
    const silent = seen.stderr === '' || /^dead /m.test(seen.stdout);
    if (seen.code !== 0 || !silent) problems.push(`ps: ${seen.code} ${seen.stdout}${seen.stderr}`);
    if (state !== 'running' && state !== 'paused') return state;
    if (state === 'paused') tsrun.run(['unpause', NAME]);
    const used = tsrun.run(['exec', NAME, 'true']);
    if (used.code === 0 && used.stderr === '') return state;
    if (performance.now() > deadline) {
      problems.push(`it runs, and exec: ${used.code} ${used.stderr}`);
      return state;
    }
  }
}

function mountsOf(tsrun: Tsrun): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line.includes(tsrun.directory))
    .map((line) => `mounted: ${line}`);
}

const withoutId = (text: string): string => text.replace(/[0-9a-f]{64}/g, 'ID');

/** An error was injected: it is as if nothing had been, or a clear failure. */
export function outcomeProblems(struck: Struck, expected: Outcome): string[] {
  const { code, stdout, stderr } = struck;
  if (code === -1) return [`no end: ${stdout}${stderr}`];
  if (code === expected.code) {
    const same = withoutId(stdout) === withoutId(expected.stdout);
    // Lost on the way out, and said so: the command itself has ended well.
    const problems = same || CLEAR.test(stderr) ? [] : [`another output:\n${difference(expected.stdout, stdout)}`];
    return [...problems, ...(stderr === '' || CLEAR.test(stderr) ? [] : [`says: ${stderr}`])];
  }
  if (isAbortOfNode(struck)) return [];
  // Whatever the code: a command whose output is lost is told by a signal, and ends as that says.
  // On a terminal what is said inside comes with the output.
  return CLEAR.test(stderr) || CLEAR.test(stdout) ? [] : [`exit code ${code} without a message: ${stderr}`];
}

/** An assertion in Node's own C++, as of a close(2) that fails inside readFileSync: nothing of ours can catch it. It is as a kill. */
export const isAbortOfNode = ({ code, stderr }: Outcome): boolean =>
  [134, 139].includes(code) && /node::Assert|Node\.js\[\d+\]|uv_/.test(stderr); // Node 24 may die of SIGSEGV while it says so

function difference(expected: string, found: string): string {
  const [one, other] = [expected, found].map((text) => withoutId(text).split('\n')) as [string[], string[]];
  const lines = [...one.filter((line) => !other.includes(line)).map((line) => `- ${line}`)];
  lines.push(...other.filter((line) => !one.includes(line)).map((line) => `+ ${line}`));
  return lines.slice(0, 6).join('\n');
}

/** Until its cgroup holds no more than that. */
export async function membersSettle(id: string, count: number): Promise<void> {
  const members = (): number =>
    Math.max(0, ...cgroupsOf(id).map((path) => readFileSync(`${path}/cgroup.procs`, 'utf8').split('\n').length - 1));
  await until(`${count} processes in ${id}`, () => members() <= count);
}
