import { execute } from './template/evaluate.ts';
import { fault, prefixed } from './template/fault.ts';
import { FORMAT_FUNCTIONS, type TemplateFunctions } from './template/functions.ts';
import { parseTemplate } from './template/parser.ts';

export { NIL_LIST, TypedMap } from './template/value.ts';

const NAMES: ReadonlySet<string> = new Set(Object.keys(FORMAT_FUNCTIONS));

/** A template that writes piece by piece: the text before an error is not lost. */
export type TemplateWriter = (data: unknown, functions: TemplateFunctions, write: (text: string) => void) => void;

/**
 * Compiles a Go template as docker's `--format` knows it. The function takes plain JSON data and returns the text
 * without a newline of its own. Both throw TsrunError('usage', 'template parsing error: template: …').
 *
 * As in docker, a key that a map does not have is an error when it is named with a dot, and `<no value>` with `index`;
 * a `TypedMap` in the data has its zero value instead. A function in the data is a method.
 */
export function compileTemplate(text: string): (data: unknown) => string {
  const run = compileWriter(text);
  return (data) => {
    let output = '';
    run(data, FORMAT_FUNCTIONS, (piece) => {
      output += piece;
    });
    return output;
  };
}

/** As `compileTemplate`, for callers with functions of their own under the same names. */
export function compileWriter(text: string): TemplateWriter {
  const template = worded(() => parseTemplate(text, NAMES));
  return (data, functions, write) => worded(() => execute(template, data, functions, write));
}

function worded<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    // A thousand parentheses are a mistake of the template, not of ours.
    const isTooDeep = error instanceof RangeError && error.message.includes('call stack');
    throw prefixed('template parsing error: ', isTooDeep ? fault('template: nested too deeply') : error);
  }
}
