import { errorText, print, printError } from './report.ts';

/** One container after the other: says its name when it is done, or why not, and goes on. */
export async function forEach(
  references: readonly string[],
  work: (reference: string) => Promise<unknown>,
): Promise<void> {
  for (const reference of references) {
    try {
      await work(reference);
      print(`${reference}\n`);
    } catch (error) {
      printError(errorText(error));
      process.exitCode = 1;
    }
  }
}
