import { join } from 'node:path';

/** Where things lie. Docker's layout below the data root (`overlay2/`, `containers/`), our own run directory. */
export class Paths {
  readonly dataRoot: string;
  readonly runRoot: string;

  constructor(dataRoot: string, runRoot: string) {
    this.dataRoot = dataRoot;
    this.runRoot = runRoot;
  }
  get containers(): string {
    return join(this.dataRoot, 'containers');
  }
  get overlay(): string {
    return join(this.dataRoot, 'overlay2');
  }
  get links(): string {
    return join(this.overlay, 'l');
  }
  get names(): string {
    return join(this.dataRoot, 'names');
  }
  /** The bundle, record and bound files of one container. */
  container(id: string): string {
    return join(this.containers, id);
  }
  layer(name: string): string {
    return join(this.overlay, name);
  }
  name(name: string): string {
    return join(this.names, name);
  }
  /** Gone with a reboot: pid, root link. */
  run(id: string): string {
    return join(this.runRoot, id);
  }
}
