import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { formatRows } from '../../../src/cli/format/table.ts';
import { alignTabs } from '../../../src/cli/format/tabwriter.ts';
import { TsrunError } from '../../../src/errors/tsrun-error.ts';

const test = suite('format: table');
const HEADINGS = { ID: 'CONTAINER ID', Names: 'NAMES' };
const ROWS = [
  { ID: 'abc', Names: 'web', Extra: '<&>' },
  { ID: 'def', Names: '世界' },
];

test('columns are as wide as their widest cell and three blanks', () => {
  assert.is(
    formatRows(ROWS, 'table {{.Names}}\\t{{.ID}}', HEADINGS),
    'NAMES     CONTAINER ID\nweb       abc\n世界      def\n',
  );
  assert.is(formatRows(ROWS, 'table', HEADINGS), 'CONTAINER ID   NAMES\nabc            web\ndef            世界\n');
  assert.is(formatRows([], 'table {{.ID}}', HEADINGS), 'CONTAINER ID\n');
});

test('json is one sorted object a row, every other template one line', () => {
  assert.is(
    formatRows(ROWS.slice(0, 1), 'json', HEADINGS),
    '{"Extra":"\\u003c\\u0026\\u003e","ID":"abc","Names":"web"}\n',
  );
  assert.is(formatRows(ROWS, '{{.ID}}\\t{{json .Names}}', HEADINGS), 'abc\t"web"\ndef\t"世界"\n');
  assert.is(formatRows([], '{{.ID}}', HEADINGS), '');
});

test('a column ends where a line has none', () => {
  assert.is(
    alignTabs('a\tb\tc\nlong cell text\td\nx\ny\tz'),
    'a                b         c\nlong cell text   d\nx\ny         z',
  );
});

test('an unknown field is refused with the known ones as a hint', () => {
  try {
    formatRows(ROWS, '{{.Nope}}', HEADINGS);
    assert.unreachable();
  } catch (error) {
    assert.instance(error, TsrunError);
    assert.is(
      (error as TsrunError).message,
      'template parsing error: template: :1:2: executing "" at <.Nope>: map has no entry for key "Nope"',
    );
    assert.is((error as TsrunError).hint, 'the fields are ID, Names');
  }
});

test.run();
