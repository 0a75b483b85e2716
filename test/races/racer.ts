import { readFileSync } from 'node:fs';
import { errorText } from '../../src/cli/report.ts';
import { type Engine, openEngine } from '../../src/engine/engine.ts';
import { execInContainer } from '../../src/engine/exec.ts';
import { findContainer } from '../../src/engine/find.ts';
import { removeContainer } from '../../src/engine/remove.ts';
import { renameContainer } from '../../src/engine/rename.ts';
import { restartContainer } from '../../src/engine/restart.ts';
import { startContainer } from '../../src/engine/start.ts';
import { stopContainer } from '../../src/engine/stop.ts';
import { waitForExit } from '../../src/runtime/wait.ts';

/** What one of two does. The words are the verb's operands. */
export interface Deed {
  verb: keyof typeof VERBS;
  words: readonly string[];
  /** How much of nothing it does first: rounds differ in who comes first, and by how much. */
  dawdle: number;
}

async function exec(engine: Engine, container: string, ...command: string[]): Promise<void> {
  const nothing = { env: [], workdir: undefined, user: undefined, interactive: false, tty: false, privileged: false };
  const entered = await execInContainer(
    engine,
    { ...nothing, container, command, detach: true },
    { interactive: false },
  );
  await waitForExit(entered);
}

/** Detached; its monitor is our child, and reaped when it ends. */
async function start(engine: Engine, name: string): Promise<void> {
  const started = await startContainer(engine, findContainer(engine, name), { detached: true, interactive: false });
  void waitForExit(started);
}

async function restart(engine: Engine, name: string): Promise<void> {
  void waitForExit(await restartContainer(engine, name, { seconds: 10 }));
}

const VERBS = {
  exec,
  rename: renameContainer,
  rm: removeContainer,
  'rm -f': (engine: Engine, name: string) => removeContainer(engine, name, { force: true }),
  restart,
  start,
  stop: (engine: Engine, name: string) => stopContainer(engine, name, { seconds: 10 }),
};

async function does(engine: Engine, { verb, words, dawdle }: Deed): Promise<string> {
  for (let i = 0; i < dawdle; i++) readFileSync('/proc/self/stat');
  try {
    await (VERBS[verb] as (engine: Engine, ...words: string[]) => Promise<unknown>)(engine, ...words);
    return '';
  } catch (error) {
    return errorText(error);
  }
}

/** A process that does what it is told, at once: all that takes its time to load is loaded. Answers with what went wrong. */
function main([dataRoot, runRoot]: string[]): void {
  const engine = openEngine({ dataRoot, runRoot });
  process.on('message', (deed: Deed) => void does(engine, deed).then((said) => process.send?.(said)));
  process.send?.('');
}

main(process.argv.slice(2));
