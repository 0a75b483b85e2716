import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs, overlay, root } from '../support/needs.ts';
import { openTsrun, type Tsrun } from '../support/tsrun.ts';

const test = needs(suite('threats/exec weaker than init: entering'), root(), overlay());
let tsrun: Tsrun;
test.before(async () => {
  tsrun = await openTsrun();
});
test.after(() => tsrun.close());

/** In the container, with CAP_SYS_PTRACE: stops each new process as soon as it is seen, and looks into it. */
const HUNTER = `
echo ready
seen=' '
while :; do
  for d in /proc/[0-9]*; do
    p=\${d#/proc/}
    [[ $p == 1 || $seen == *" $p "* ]] && continue
    kill -STOP $p 2>/dev/null || continue
    seen="$seen$p "
    echo "seen $p"
    [[ -e /proc/$p/root$CANARY ]] && echo "HOST ROOT through $p"
    for fd in /proc/$p/fd/*; do
      to=$(readlink $fd)
      [[ $fd == */[012] || $to == pipe:* || -z $to ]] || echo "HOST DESCRIPTOR $fd $to"
    done
    status=$(</proc/$p/status) 2>/dev/null
    [[ -z $status || $status == *CapEff:*00000000a80c25fb* ]] || echo "MORE PRIVILEGED $p"
    kill -CONT $p
  done
done`;

test('CVE-2016-9962, CVE-2022-29162: what enters is never seen with the host’s root, descriptors or privileges', async () => {
  const flags = ['--name', 'hunter', '--cap-add', 'SYS_PTRACE', '-e', `CANARY=${tsrun.dataRoot}`];
  const hunter = tsrun.spawn(['run', ...flags, tsrun.rootfs, 'bash', '-c', HUNTER]);
  await hunter.waitFor(/^ready$/m);
  for (let i = 0; i < 20; i++) assert.is(tsrun.run(['exec', 'hunter', 'true']).code, 0);
  tsrun.run(['rm', '-f', 'hunter']);
  await hunter.ended;
  assert.match(hunter.stdout(), /seen \d/, 'it was fast enough to see at least one');
  assert.not.match(hunter.stdout(), /HOST|MORE/);
});

test('exec waits until the container stands in its own root', async () => {
  const busy = Array.from({ length: 40 }, (_, i) => ['--tmpfs', `/t${i}`]).flat();
  for (let i = 0; i < 6; i++) {
    const name = `racer${i}`;
    const run = tsrun.spawn(['run', '--rm', '--name', name, ...busy, tsrun.rootfs, 'sh', '-c', 'sleep 20']);
    let outcome = tsrun.run(['exec', name, 'sh', '-c', `test -e ${tsrun.dataRoot} && echo HOST || echo inside`]);
    while (/No such container|not running/.test(outcome.stderr)) {
      outcome = tsrun.run(['exec', name, 'sh', '-c', `test -e ${tsrun.dataRoot} && echo HOST || echo inside`]);
    }
    assert.is(outcome.stdout, 'inside\n', outcome.stderr);
    tsrun.run(['rm', '-f', name]);
    await run.ended;
  }
});

test.run();
