import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { linux, needs } from '../support/needs.ts';
import { PATIENCE_MS } from '../support/tsrun.ts';

const test = needs(suite('a relay that cannot be executed'), linux());
const directory = mkdtempSync(join(tmpdir(), 'tsrun-relay-'));
test.after(() => rmSync(directory, { recursive: true }));

test('ends what was started, waits for its clean-up and says so: it does not hang with every signal blocked', () => {
  const told = join(directory, 'told');
  const words = ['--import', 'tsx', join(import.meta.dirname, 'lose-relay.ts'), told];
  const { status, signal, stderr } = spawnSync(process.execPath, words, {
    encoding: 'utf8',
    timeout: PATIENCE_MS,
    killSignal: 'SIGKILL',
  });
  assert.equal([status, signal], [125, null], stderr);
  assert.match(stderr, /^tsrun: become the relay: tsrun-monitor could not be executed: what was started is ended\n$/);
  assert.match(readFileSync(told, 'utf8'), /^ 03 00 00 00 09 00 00 00\nended\n$/);
});

test.run();
