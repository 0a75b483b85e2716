import { dirname, join } from 'node:path';
import * as assert from 'uvu/assert';
import type { CheckReport } from '../../src/engine/check/check.ts';
import { processBirth } from '../../src/kernel/procfs.ts';
import { expectOk, type Live, openTsrun, type Tsrun, until } from './tsrun.ts';

export interface Report extends CheckReport {
  summary: { found: number; fixed: number; remain: number };
  code: number;
}

/** A container with its processes. */
export interface Kept extends Live {
  id: string;
  pid: number;
  monitor: number;
}

/** What a text is, or what it matches. */
export type Wanted = string | RegExp;

export const hasEnded = (pid: number): boolean => 'ZX'.includes(processBirth(pid)?.state ?? 'X');

/** `tsrun system check` of a data root of its own, beside a container that nothing may happen to. */
export class SystemCheck {
  readonly tsrun: Tsrun;
  readonly #live: Live;

  private constructor(tsrun: Tsrun, live: Live) {
    this.tsrun = tsrun;
    this.#live = live;
  }
  static async open(): Promise<SystemCheck> {
    const tsrun = await openTsrun();
    return new SystemCheck(tsrun, await tsrun.container('live'));
  }
  async close(): Promise<void> {
    this.tsrun.run(['rm', '-f', 'live']);
    await this.#live.ended;
    await this.tsrun.close();
  }

  run(...flags: string[]): Report {
    const { code, stdout, stderr } = this.tsrun.run(['system', 'check', '--format', 'json', ...flags]);
    assert.ok(code < 2, stderr);
    assert.is(stderr, '');
    return { ...(JSON.parse(stdout) as Omit<Report, 'code'>), code };
  }
  /** `kind where` of each, the data root and the run directory left out, in order. */
  said({ findings }: Report): string[] {
    return findings.map(({ kind, where }) => `${kind} ${this.short(where)}`).toSorted();
  }
  short(path: string): string {
    return path.replace(this.tsrun.dataRoot, 'data').replace(this.tsrun.runRoot, 'run');
  }
  /** Nothing is found, and the neighbour works. */
  isClean(): void {
    const report = this.run();
    assert.equal(this.said(report), []);
    assert.is(report.code, 0);
    assert.is(expectOk(this.tsrun.run(['exec', 'live', 'echo', 'here'])), 'here\n');
  }
  /** Found, then fixed, then gone. */
  isFixed(...wanted: Wanted[]): void {
    const found = this.run();
    this.#same(found, wanted);
    assert.is(found.code, 1);
    assert.ok(
      found.findings.every(({ outcome, fix }) => outcome === 'found' && fix !== undefined),
      show(found),
    );
    const fixed = this.run('--fix');
    this.#same(fixed, wanted);
    assert.ok(
      fixed.findings.every(({ outcome }) => outcome === 'fixed'),
      show(fixed),
    );
    assert.is(fixed.code, 0);
    this.isClean();
  }
  /** Found, and left as it is, with a word on what can be done. */
  remains(...wanted: Wanted[]): Report {
    const report = this.run('--fix');
    this.#same(report, wanted);
    assert.is(report.code, 1);
    assert.ok(
      report.findings.every(({ outcome, advice, error }) => outcome === 'remains' && (advice ?? error)),
      show(report),
    );
    return report;
  }
  #same(report: Report, wanted: readonly Wanted[]): void {
    const said = this.said(report);
    const fits =
      wanted.length === said.length &&
      wanted.every((one, i) => (typeof one === 'string' ? one === said[i] : one.test(said[i]!)));
    assert.ok(fits, `wanted ${wanted.map(String).join(', ')}, found ${show(report)}`);
  }

  id(name: string): string {
    return this.tsrun.inspect(name, '{{.Id}}');
  }
  directory(id: string): string {
    return join(this.tsrun.dataRoot, 'containers', id);
  }
  /** The directory of its read-write layer. */
  layer(name: string): string {
    return dirname(this.tsrun.inspect(name, '{{.GraphDriver.Data.UpperDir}}'));
  }
  nameLink(name: string): string {
    return join(this.tsrun.dataRoot, 'names', name);
  }
  /** One that has ended; its id. */
  ended(name: string, script = 'true'): string {
    expectOk(this.tsrun.run(['run', '--name', name, this.tsrun.rootfs, 'sh', '-c', script]));
    return this.id(name);
  }
  async running(name: string, ...flags: string[]): Promise<Kept> {
    const started = await this.tsrun.container(name, undefined, flags);
    const pid = Number(this.tsrun.inspect(name, '{{.State.Pid}}'));
    return { ...started, id: this.id(name), pid, monitor: processBirth(pid)!.parent };
  }
}

const show = (report: Report): string => JSON.stringify(report.findings, null, 1);

export async function killBoth({ pid, monitor }: Kept): Promise<void> {
  process.kill(monitor, 'SIGKILL');
  process.kill(pid, 'SIGKILL');
  await until('the end of both', () => hasEnded(pid) && hasEnded(monitor));
}

export async function standStill(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  await until('it to stand still', () => processBirth(pid)?.state === 'T');
}
