import { textWidth } from './text-width.ts';

const MIN_WIDTH = 10;
const PADDING = 3;

/**
 * Aligns text whose cells end with a tab, by the rules of Go's text/tabwriter as docker sets it up: a column is a run of
 * lines that have that cell, as wide as its widest cell and 3 blanks, 10 at least. The last cell of a line ends with no
 * tab, belongs to no column and gets no blanks. Widths are columns of the terminal, where Go's own counts code points.
 */
export function alignTabs(text: string, minWidth = MIN_WIDTH): string {
  // A form feed ends the line and all columns.
  return text
    .split('\f')
    .map((part) => alignPart(part, minWidth))
    .join('\n');
}

function alignPart(text: string, minWidth: number): string {
  const lines = text.split('\n').map((line) => line.split(/[\t\v]/));
  const padded = lines.map((): string[] => []);
  const columns = lines.reduce((most, cells) => Math.max(most, cells.length - 1), 0);
  for (let column = 0; column < columns; column++) padColumn(lines, padded, column, minWidth);
  return lines.map((cells, row) => `${(padded[row] ?? []).join('')}${cells.at(-1) ?? ''}`).join('\n');
}

function padColumn(lines: readonly string[][], padded: string[][], column: number, minWidth: number): void {
  for (let start = 0; start < lines.length; ) {
    let end = start;
    let width = minWidth;
    for (; hasColumn(lines[end], column); end++)
      width = Math.max(width, textWidth(lines[end]?.[column] ?? '') + PADDING);
    for (let row = start; row < end; row++) {
      const cell = lines[row]?.[column] ?? '';
      padded[row]?.push(cell + ' '.repeat(width - textWidth(cell)));
    }
    start = end + 1;
  }
}

function hasColumn(cells: readonly string[] | undefined, column: number): boolean {
  return cells !== undefined && column < cells.length - 1;
}
