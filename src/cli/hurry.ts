import { liveBriefly } from '../kernel/library.ts';
import { DATA_ROOT, type Flag, type GlobalFlags } from './flags.ts';
import { readPlainWords } from './plain-words.ts';
import { sayFailure } from './report.ts';

/**
 * The whole of a bundle of one verb, without commander: does what `words` say, when they are plain.
 * @param start what the verb does, with at least `least` operands
 * @returns false when they are not: bin/tsrun.cjs then starts the bundle of all verbs
 */
export function hurry<F>(
  words: readonly string[],
  flags: readonly Flag[],
  least: number,
  start: (operands: string[], flags: F & GlobalFlags) => Promise<void>,
  isPlain: (operand: string) => boolean = () => true,
): boolean {
  const plain = readPlainWords(words, [...flags, DATA_ROOT]);
  if (plain === undefined || plain.operands.length < least || !plain.operands.every(isPlain)) return false;
  liveBriefly();
  void start(plain.operands, plain.opts as F & GlobalFlags)
    .catch(sayFailure)
    .then(leave);
  return true;
}

/** At once: nothing is left to do, and Node would begin to collect garbage, which takes 1 to 3 ms. */
function leave(): void {
  process.exit();
}

/** The same for verbs whose operands are containers: their options may come behind these, too, which is not plain. */
export function hurryWithContainers<F>(
  words: readonly string[],
  flags: readonly Flag[],
  start: (operands: string[], flags: F & GlobalFlags) => Promise<void>,
): boolean {
  return hurry(words, flags, 1, start, (operand) => !operand.startsWith('-'));
}
