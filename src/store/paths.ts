import { normalize } from 'node:path';

/**
 * Where things lie. Docker's layout below the data root (`overlay2/`, `containers/`), our own run directory. Put together without
 * node:path, whose care for odd paths is a millisecond of a start.
 */
export class Paths {
  readonly dataRoot: string;
  readonly runRoot: string;

  constructor(dataRoot: string, runRoot: string) {
    this.dataRoot = withoutSlash(dataRoot);
    this.runRoot = withoutSlash(runRoot);
  }
  get containers(): string {
    return `${this.dataRoot}/containers`;
  }
  get overlay(): string {
    return `${this.dataRoot}/overlay2`;
  }
  get links(): string {
    return `${this.overlay}/l`;
  }
  get names(): string {
    return `${this.dataRoot}/names`;
  }
  /** The bundle, record and bound files of one container. */
  container(id: string): string {
    return `${this.containers}/${id}`;
  }
  /** What it wrote, JSON lines (native/log.h); older ones end in `.1`, `.2`, … */
  log(id: string): string {
    return `${this.container(id)}/log.jsonl`;
  }
  layer(name: string): string {
    return `${this.overlay}/${name}`;
  }
  name(name: string): string {
    return `${this.names}/${name}`;
  }
  /** How and when it ended; not there while it runs. */
  exit(id: string): string {
    return `${this.container(id)}/exit.json`;
  }
  /** How the run before this one ended, as `exit.json` said it: of a run that goes on. */
  lastExit(id: string): string {
    return `${this.container(id)}/exit-before.json`;
  }
  /** Of a container that was renamed: a link to its name, for who knows it by the old one. */
  newName(id: string): string {
    return `${this.container(id)}/renamed`;
  }
  /** An empty file: one with --rm stays when it ends next: it is being restarted. */
  kept(id: string): string {
    return `${this.container(id)}/kept`;
  }
  /** What happened, a line each; older ones in `events.jsonl.1`. Gone with a reboot. */
  get events(): string {
    return `${this.runRoot}/events.jsonl`;
  }
  /** An empty file: a user has stopped it, so no restart policy starts it again. */
  stopped(id: string): string {
    return `${this.container(id)}/stopped`;
  }
  /** An empty file: its monitor waits until it starts it again. Of no meaning once that monitor is gone. */
  restarting(id: string): string {
    return `${this.container(id)}/restarting`;
  }
  /** How often its monitor has started it again: a decimal number. */
  restarts(id: string): string {
    return `${this.container(id)}/restarts`;
  }
  /** What its health checks have found (native/health_record.c). */
  health(id: string): string {
    return `${this.container(id)}/health.json`;
  }
  /** Gone with a reboot: which processes the run is, the link to its root. */
  run(id: string): string {
    return `${this.runRoot}/${id}`;
  }
  /** How it ended, where the data root had no room for that; gone with a reboot. */
  lateExit(id: string): string {
    return `${this.runRoot}/${id}.exit`;
  }
  /** What exec has started in it, `<exec id>.json` each. */
  execs(id: string): string {
    return `${this.run(id)}/exec`;
  }
}

function withoutSlash(path: string): string {
  const normal = normalize(path);
  return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal;
}
