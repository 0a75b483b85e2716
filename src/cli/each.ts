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

/** The same, all at once: for what takes its time. They are told in their order. */
export async function forAll(
  references: readonly string[],
  work: (reference: string) => Promise<unknown>,
): Promise<void> {
  const begun = new Map(references.map((reference) => [reference, work(reference)]));
  for (const one of begun.values()) one.catch(() => {}); // told when its turn comes
  await forEach(references, (reference) => begun.get(reference)!);
}
