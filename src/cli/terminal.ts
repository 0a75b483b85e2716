import { isatty, WriteStream } from 'node:tty';
import type { Attachment } from '../engine/start-bundle.ts';
import { TsrunError } from '../errors/tsrun-error.ts';

/** The size of the first of 0, 1, 2 that is a terminal. */
function windowSize(): { rows: number; columns: number } | undefined {
  for (const fd of [0, 1, 2]) {
    if (!isatty(fd)) continue;
    const [columns, rows] = new WriteStream(fd).getWindowSize();
    if (columns > 0 && rows > 0) return { rows, columns };
  }
  return undefined;
}

/** How this command line is connected to a container. @throws TsrunError as Docker, when -it is asked for without a terminal */
export function attachment(goal: string, { interactive, tty }: { interactive: boolean; tty: boolean }): Attachment {
  if (!tty) return { interactive };
  if (interactive && !isatty(0))
    throw new TsrunError('usage', `${goal}: the input device is not a TTY`, {
      hint: 'leave out -t when the input comes from a pipe or a file',
      exitCode: 1,
    });
  return { interactive, size: windowSize() };
}
