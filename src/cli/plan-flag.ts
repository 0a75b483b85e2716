import type { Command, Option } from 'commander';

/** Words that the flag at `index` takes: itself, and its value unless that is attached. */
function wordsOf(argv: readonly string[], index: number, options: readonly Option[]): number {
  const word = argv[index] ?? '';
  if (word.startsWith('--')) return !word.includes('=') && options.find(({ long }) => long === word)?.required ? 2 : 1;
  for (let at = 1; at < word.length; at++) {
    const option = options.find(({ short }) => short === `-${word[at]}`);
    if (option?.required) return at === word.length - 1 ? 2 : 1;
  }
  return 1;
}

/**
 * `--plan` alone means `--plan=text`: its format comes only with `=`, or `run --plan ROOTFS` would take the root directory for it.
 * Words from the first positional on belong to the container's command and stay as they are.
 */
export function spellOutPlan(argv: readonly string[], options: readonly Option[]): string[] {
  const words = [...argv];
  for (let i = 0; i < words.length && words[i] !== '--' && words[i]?.startsWith('-') && words[i] !== '-'; ) {
    if (words[i] === '--plan') words[i] = '--plan=text';
    i += wordsOf(words, i, options);
  }
  return words;
}

/** Teaches a command with a `--plan [format]` option to read it so. */
export function withPlanFlag(command: Command): Command {
  const parse = command.parseOptions.bind(command);
  command.parseOptions = (argv) => parse(spellOutPlan(argv, command.options));
  return command;
}
