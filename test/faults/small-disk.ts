import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A tmpfs of our own, which can be filled. */
export class Disk {
  private readonly ballast: string;

  constructor(
    private readonly path: string,
    options: string,
  ) {
    this.ballast = join(path, 'ballast');
    host('mount', '-t', 'tmpfs', '-o', options, 'tsrun-test', path);
  }

  /** Not a byte, and no file either. */
  leaveNothing(): void {
    this.leaveInodes(0);
    try {
      for (;;) writeFileSync(this.ballast, Buffer.alloc(4096), { flag: 'a' });
    } catch {
      // ENOSPC
    }
  }

  leaveInodes(free: number): void {
    this.leaveAll();
    writeFileSync(this.ballast, '');
    const { files, ffree } = statfsSync(this.path);
    this.remount(`nr_inodes=${files - ffree + free}`);
  }

  leaveAll(): void {
    rmSync(this.ballast, { force: true });
    this.remount('nr_inodes=10000');
  }

  remount(options: string): void {
    host('mount', '-o', `remount,${options}`, this.path);
  }

  close(): void {
    host('umount', '-l', this.path);
    for (const name of readdirSync(this.path)) rmSync(join(this.path, name), { recursive: true, force: true });
  }
}

function host(program: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
}
