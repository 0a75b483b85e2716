import { readdirSync, readlinkSync } from 'node:fs';

/** This process's descriptors and what they are, `5 /tmp/file`; without the one that looks. */
export function openFiles(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [`${fd} ${readlinkSync(`/proc/self/fd/${fd}`)}`];
    } catch {
      return [];
    }
  });
}
