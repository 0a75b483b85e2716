#!/usr/bin/env node
// From a clean clone to a running container, showing each command.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { checkMachine, SetupError, setup } from './setup.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

function show(...command) {
  const quoted = command.map((word) => (/^[\w./:=-]+$/.test(word) ? word : `'${word}'`));
  process.stdout.write(`$ ${quoted.join(' ')}\n`);
  const { status, signal, error } = spawnSync(command[0], command.slice(1), { cwd: root, stdio: 'inherit' });
  if (status !== 0) throw new SetupError(`${command[0]} failed: ${error?.message ?? signal ?? `exit code ${status}`}`);
  process.stdout.write('\n');
}

async function quickstart() {
  checkMachine();
  if (process.getuid() !== 0) throw new SetupError('a container needs root\nhint: sudo npm run quickstart');
  await setup();
  if (!existsSync(new URL('../rootfs', import.meta.url))) show('bin/tsrun', 'rootfs', './rootfs');
  show('bin/tsrun', 'run', '--rm', './rootfs', 'bash', '-c', 'ls -la /; cat /.tsrunenv; ps');
  process.stdout.write('Next, a shell in it:\n\n    bin/tsrun run --rm -it ./rootfs bash\n');
}

quickstart().catch((error) => {
  process.stderr.write(error instanceof SetupError ? `quickstart: ${error.message}\n` : `${error.stack}\n`);
  process.exit(1);
});
