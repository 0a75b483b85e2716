import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs, overlay, root } from '../support/needs.ts';
import { openTsrun, PROGRAM, type Tsrun } from '../support/tsrun.ts';

const test = needs(suite('logs of any bytes'), root(), overlay());
const MEGABYTE = 1_000_000;
let tsrun: Tsrun;
test.before(async () => {
  tsrun = await openTsrun();
});
test.after(() => tsrun?.close());

/** Every byte; lines that end nowhere near; characters cut off wherever it is read; what only looks like UTF-8. */
function oddBytes(): Buffer {
  const every = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  const parts = [
    Buffer.from('€ä🙂'),
    Buffer.from([0xc3]),
    Buffer.from([0xed, 0xa0, 0x80, 0xc0, 0x80, 10]),
    Buffer.alloc(3),
  ];
  const mixed = Buffer.concat(
    Array.from({ length: 4000 }, (_, i) => Buffer.concat([every.subarray(i % 251), parts[i % 4]!])),
  );
  return Buffer.concat([mixed, Buffer.from('ä€'.repeat(200_000)), Buffer.from('\n'), Buffer.alloc(500_000), mixed]);
}

test('whatever bytes: the caller gets them, and logs', () => {
  const odd = oddBytes();
  const file = join(tsrun.directory, 'odd');
  writeFileSync(file, odd);
  const options = {
    env: { ...process.env, TSRUN_ROOT: tsrun.dataRoot, TSRUN_RUN: tsrun.runRoot },
    maxBuffer: 10 * MEGABYTE,
  };
  const words = ['run', '--name', 'odd', '-v', `${file}:/odd:ro`, tsrun.rootfs, 'cat', '/odd'];
  for (const argv of [words, ['logs', 'odd']]) {
    const said = execFileSync(process.execPath, ['--', PROGRAM, ...argv], options);
    assert.ok(said.equals(odd), `${argv[0]}: ${said.length} bytes of ${odd.length}`);
  }
});

test.run();
