import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import { flagContext } from '../../src/cli/context.ts';
import { readRunFlags } from '../../src/cli/run-flags.ts';
import { createContainer } from '../../src/engine/create.ts';
import { openEngine } from '../../src/engine/engine.ts';
import { needs, overlay, root } from '../support/needs.ts';
import { openTsrun, PATIENCE_MS, type Tsrun, until } from '../support/tsrun.ts';
import type { Deed } from './racer.ts';

/** All of them with TSRUN_SWEEP=all, as before a release. */
export const ROUNDS = process.env.TSRUN_SWEEP === 'all' ? 200 : 50;
/** Rounds until one that was first by so much is last by so much. */
const STEPS = 20;

type Task = Omit<Deed, 'dawdle'>;

/** Two processes that do something to the same container at the same time. */
export class Race {
  private constructor(
    private readonly racers: readonly [ChildProcess, ChildProcess],
    private readonly stride: number,
  ) {}

  /** @param stride how much more of nothing the one does that comes later, from round to round: 15 µs each */
  static async open({ dataRoot, runRoot }: Tsrun, stride = 3): Promise<Race> {
    const begin = () =>
      fork(join(import.meta.dirname, 'racer.ts'), [dataRoot, runRoot], {
        execArgv: ['--import', 'tsx'],
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      });
    const racers = [begin(), begin()] as const;
    await Promise.all(racers.map(answer));
    return new Race(racers, stride);
  }

  /** @returns what each said of what went wrong; '' of what went right */
  async run(round: number, ...deeds: [Task, Task]): Promise<[string, string]> {
    const lead = ((round % STEPS) - STEPS / 2) * this.stride;
    const dawdle = [Math.max(0, lead), Math.max(0, -lead)] as const;
    const both = this.racers.map(answer);
    this.racers.forEach((racer, i) => racer.send({ ...deeds[i]!, dawdle: dawdle[i]! } satisfies Deed));
    return (await Promise.all(both)) as [string, string];
  }

  /** One of them alone. */
  async alone(task: Task): Promise<string> {
    const said = answer(this.racers[0]);
    this.racers[0].send({ ...task, dawdle: 0 } satisfies Deed);
    return said;
  }

  /** How many descriptors each has open. */
  open(): number[] {
    return this.racers.map(({ pid }) => readdirSync(`/proc/${pid}/fd`).length);
  }

  close(): void {
    for (const racer of this.racers) racer.kill('SIGKILL');
  }
}

/** What who comes too late hears. */
export const GONE = /^tsrun: No such container: \w+\n/;

/** Where races are held: there once the suite runs. */
export interface Track {
  tsrun: Tsrun;
  race: Race;
}

/** A suite of races, with a data root of its own. @param stride as of `Race.open` */
export function races(title: string, stride?: number) {
  const test = needs(suite(title), root(), overlay());
  const track = {} as Track;
  test.before(async () => {
    track.tsrun = await openTsrun();
    track.race = await Race.open(track.tsrun, stride);
  });
  test.after(async () => {
    track.race?.close();
    await track.tsrun?.close();
  });
  return { test, track };
}

/** A container that waits for its start. @returns its id */
export function create({ dataRoot, runRoot, rootfs }: Tsrun, name: string, rm = false): string {
  const options = readRunFlags({ name, rm }, rootfs, ['sleep', '600'], flagContext());
  return createContainer(openEngine({ dataRoot, runRoot }), options).record.id;
}

/** What is left of that container, and of any other. The file of events is of no container. */
export function left(tsrun: Tsrun, id: string): string[] {
  return tsrun.leftovers([id]).filter((path) => !/events\.jsonl(\.1)?$/.test(path));
}

/** How often which of two came about, and what it cost who did it. */
export class Tally {
  private readonly counts = new Map<unknown, number>();
  private descriptors: number[] | undefined;
  constructor(private readonly race: Race) {}

  count(how: unknown): void {
    this.counts.set(how, (this.counts.get(how) ?? 0) + 1);
    this.descriptors ??= this.race.open();
  }

  /** Says when it came out the same each time, which is the machine's affair. @throws when descriptors stayed open */
  async check(): Promise<void> {
    const all = [...this.counts].map(([how, count]) => `${how}: ${count}`).join(', ');
    if (this.counts.size < 2) process.stdout.write(`it came out one way only: ${all}\n`);
    const most = this.descriptors ?? [];
    await until(
      () => `no more descriptors than ${most}: ${this.race.open()}`,
      () => this.race.open().every((count, i) => count <= most[i]!),
    );
  }
}

async function answer(racer: ChildProcess): Promise<string> {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const [said] = await once(racer, 'message', { signal });
  return said as string;
}
