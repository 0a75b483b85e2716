import { checkThawedSteps } from '../cgroup/freeze.ts';
import { rethrowShortage } from '../errors/shortage.ts';
import { errnoText } from '../errors/syscall-error.ts';
import { closeOpened } from '../plan/close-opened.ts';
import type { Step } from '../plan/step.ts';
import type { HealthRequest } from '../runtime/health-plan.ts';
import type { Process } from '../spec/oci.ts';
import { readTextIfThere } from '../store/files.ts';
import { type ContainerRecord, timestamp } from '../store/record.ts';
import { cgroupPath } from './create.ts';
import type { Engine } from './engine.ts';
import { endStep, openNameStep } from './events/record-event.ts';
import type { HealthCheck } from './run-options.ts';
import { isUp, type Status } from './status.ts';

const VERSION = 1;
const SECOND_NS = 1e9;
/** Docker's, for what is 0. */
const INTERVAL = 30 * SECOND_NS;
const TIMEOUT = 30 * SECOND_NS;
const START_INTERVAL = 5 * SECOND_NS;
const RETRIES = 3;

/** `docker inspect`: State.Health. */
export interface Health {
  Status: HealthStatus;
  FailingStreak: number;
  Log: { Start: string; End: string; ExitCode: number; Output: string }[];
}
export const HEALTH_STATES = ['starting', 'healthy', 'unhealthy', 'none'] as const;
export type HealthStatus = (typeof HEALTH_STATES)[number];

/** `NONE`, or times without a command: nothing is checked. */
export const hasHealthCheck = (health: HealthCheck | undefined): boolean =>
  health?.test[0] === 'CMD' || health?.test[0] === 'CMD-SHELL';

const argsOf = ([kind, ...words]: readonly string[]): string[] =>
  kind === 'CMD-SHELL' ? ['/bin/sh', '-c', ...words] : words;

/** What the monitor of a container is told about its health check. The command is as confined as PID 1. */
export function healthOf(
  engine: Engine,
  record: ContainerRecord,
  command: Process,
  health: HealthCheck | undefined,
): HealthRequest | undefined {
  if (health === undefined) return undefined;
  const { test, interval, timeout, startPeriod, startInterval, retries } = health;
  return {
    settings: {
      interval: interval || INTERVAL,
      timeout: timeout || TIMEOUT,
      startPeriod,
      startInterval: startInterval || START_INTERVAL,
      retries: retries || RETRIES,
    },
    command: { ...command, terminal: false, args: argsOf(test) },
    thawed: checkThawedSteps(engine.cgroups, cgroupPath(record.id)),
    healthy: tellSteps(engine, record, 'healthy'),
    unhealthy: tellSteps(engine, record, 'unhealthy'),
  };
}

function tellSteps(engine: Engine, record: ContainerRecord, status: HealthStatus): Step[] {
  const name = openNameStep(engine, record);
  return [name, endStep(engine, record, `health_status: ${status}`, {}), ...closeOpened([name])];
}

/** native/health_record.c */
interface Result {
  startNs: string;
  endNs: string;
  exitCode: number;
  errno: number;
  timeout: boolean;
  truncated: boolean;
  output: string;
}

/** Of one that does not run nobody says that it is well: Docker's `unhealthy`. undefined when nothing is checked, or it was never started. */
export function readHealth(
  { paths }: Engine,
  { id }: ContainerRecord,
  status: Status,
  health: HealthCheck | undefined,
): Health | undefined {
  if (health === undefined || !hasHealthCheck(health) || status.status === 'created') return undefined;
  const found = readRecorded(paths.health(id), health.timeout || TIMEOUT);
  const runs = isUp(status) && status.status !== 'restarting';
  return runs ? found : { ...found, Status: 'unhealthy' };
}

/** Before the first check there is no file; one that is damaged, or not ours to read, says no more. */
function readRecorded(path: string, timeout: number): Health {
  try {
    const text = readTextIfThere(path);
    if (text !== undefined) return parse(text, timeout);
  } catch (error) {
    rethrowShortage(error, path);
  }
  return { Status: 'starting', FailingStreak: 0, Log: [] };
}

/** @throws when it is no such text */
function parse(text: string, timeout: number): Health {
  const { version, status, failingStreak, log } = JSON.parse(text);
  if (version !== VERSION || !HEALTH_STATES.includes(status)) throw new Error(`${status} of version ${version}`);
  return {
    Status: status,
    FailingStreak: Number(failingStreak),
    Log: log.map((result: Result) => ({
      Start: timestamp(BigInt(result.startNs)),
      End: timestamp(BigInt(result.endNs)),
      ExitCode: Number(result.exitCode),
      Output: outputOf(result, timeout),
    })),
  };
}

function outputOf({ errno, timeout, truncated, output }: Result, limit: number): string {
  const said = truncated ? `${output}...` : output;
  if (timeout) return `Health check exceeded timeout (${durationText(limit)})${said === '' ? '' : `: ${said}`}`;
  if (errno === 0) return said;
  const { code, meaning } = errnoText(errno);
  return `the health check was not executed: ${code} ${meaning}`;
}

/** As Go prints it: `1m30s`, `1.5s`, `20ms`. */
function durationText(ns: number): string {
  if (ns < 1e6) return `${ns / 1e3}µs`;
  if (ns < SECOND_NS) return `${ns / 1e6}ms`;
  const seconds = ns / SECOND_NS;
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const rest = Number((seconds % 60).toFixed(9));
  return `${hours > 0 ? `${hours}h` : ''}${seconds >= 60 ? `${minutes}m` : ''}${rest}s`;
}
