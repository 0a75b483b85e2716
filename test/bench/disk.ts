import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findTool } from './machine.ts';

const SIZE = 4 * 2 ** 30;

/** Where everybody's data lies while they are measured, and what to say of it. */
export interface Disk {
  data: string;
  /** As /run is: gone with a reboot. */
  run: string;
  is: string;
  unmount(): void;
}

/**
 * An ext4 as most machines have it, with a journal, in memory. What a start costs there is the start; the disk of the machine is one
 * that the others on it use, and here it has no journal and discards each block that is freed while everybody waits.
 * @returns undefined where that cannot be had
 */
export function mountDisk(at: string): Disk | undefined {
  if (findTool('mkfs.ext4') === undefined) return undefined;
  const [memory, data] = [join(at, 'memory'), join(at, 'disk')];
  const image = join(memory, 'image');
  for (const directory of [memory, data]) mkdirSync(directory);
  const mounted: string[] = [];
  const unmount = () => {
    for (const point of mounted.splice(0).reverse())
      if (spawnSync('umount', [point]).status !== 0) spawnSync('umount', ['--lazy', point]);
  };
  const mount = (point: string, ...words: string[]) => {
    execFileSync('mount', [...words, point], { stdio: 'ignore' });
    mounted.push(point);
  };
  try {
    mount(memory, '-t', 'tmpfs', '-o', 'mode=700', 'tsrun-bench');
    writeFileSync(image, '');
    truncateSync(image, SIZE);
    execFileSync('mkfs.ext4', ['-q', image], { stdio: 'ignore' });
    mount(data, '-o', 'loop', image);
    return { data, run: join(memory, 'run'), is: 'ext4 with a journal, in memory', unmount };
  } catch {
    unmount();
    return undefined;
  }
}
