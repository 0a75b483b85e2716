import { TsrunError } from '../../errors/tsrun-error.ts';
import { alignTabs } from './tabwriter.ts';
import { FORMAT_FUNCTIONS, type TemplateFunctions, takes } from './template/functions.ts';
import { goJson } from './template/go-json.ts';
import { compileWriter, type TemplateWriter, TypedMap } from './template.ts';

const TABLE = 'table';

/** In the line of headings docker's functions leave the heading as it is; only `pad` pads it. */
const HEADING_FUNCTIONS: TemplateFunctions = {
  ...FORMAT_FUNCTIONS,
  json: takes(['string'], (heading: string) => heading),
  split: takes(['string', 'string'], (heading: string, _separator: string) => heading),
  join: takes(['string', 'string'], (heading: string, _separator: string) => heading),
  title: takes(['string'], (heading: string) => heading),
  lower: takes(['string'], (heading: string) => heading),
  upper: takes(['string'], (heading: string) => heading),
  truncate: takes(['string', 'int'], (heading: string, _size: bigint) => heading),
};

/** `{{.Label "com.example.my-app"}}` is headed by the last part of the name. */
const HEADING_METHODS = { Label: (name: string) => (name.split('.').at(-1) ?? '').replace(/[-_]/g, ' ') };

/**
 * Formats rows as docker's list commands do. `format` is a template that is run for every row; with `table ` in front
 * its fields become aligned columns under `headings`; `json` gives one object a line; `table` alone shows every heading.
 * `\t` and `\n` in the format stand for a tab and a newline. A function in a row is a method (`{{.Label "a"}}`).
 * Every line ends with a newline; control bytes in the values are not touched (see `escapeControl`).
 * Throws TsrunError('usage', 'template parsing error: …') with the known fields as its hint.
 */
export function formatRows(
  rows: readonly Record<string, unknown>[],
  format: string,
  headings: Readonly<Record<string, string>>,
): string {
  const isTable = format.startsWith(TABLE);
  const run = compileWriter(templateOf(format, isTable, headings));
  const body = rows.map((row) => `${rowText(run, row, headings)}\n`).join('');
  return isTable ? alignTabs(`${headingText(run, headings)}\n${body}`) : body;
}

function templateOf(format: string, isTable: boolean, headings: Readonly<Record<string, string>>): string {
  if (format === 'json') return '{{json .}}';
  if (format === TABLE)
    return Object.keys(headings)
      .map((field) => `{{.${field}}}`)
      .join('\t');
  const template = (isTable ? format.slice(TABLE.length) : format).replace(/^ +| +$/g, '');
  return template.replaceAll('\\t', '\t').replaceAll('\\n', '\n');
}

function rowText(
  run: TemplateWriter,
  row: Record<string, unknown>,
  headings: Readonly<Record<string, string>>,
): string {
  let text = '';
  // A row marshals itself in docker: sorted, with < > & escaped, which `json` does to nothing else.
  const json = (value: unknown) => goJson(value, value === row ? { escapeHtml: true, sortKeys: true } : {});
  try {
    run(row, { ...FORMAT_FUNCTIONS, json: takes(['any'], json) }, (piece) => {
      text += piece;
    });
  } catch (error) {
    if (!(error instanceof TsrunError)) throw error;
    const hint = `the fields are ${Object.keys(headings).join(', ')}`;
    throw new TsrunError('usage', error.message, { code: error.code, hint });
  }
  return text;
}

/** What fails for headings only (a loop over a list) leaves the rest of the line empty, as in docker. */
function headingText(run: TemplateWriter, headings: Readonly<Record<string, string>>): string {
  let text = '';
  try {
    const data = new TypedMap({ ...headings, ...HEADING_METHODS }, '');
    run(data, HEADING_FUNCTIONS, (piece) => {
      text += piece;
    });
  } catch (error) {
    if (!(error instanceof TsrunError)) throw error;
  }
  return text;
}
