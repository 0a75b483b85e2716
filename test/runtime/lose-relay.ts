/**
 * A command line that cannot become the relay, for relay-lost.test.ts: `node lose-relay.ts FILE`. Its keeper writes what it is told into
 * FILE, says EXITED, and ends when the command line has: as a monitor does whose client has still to read.
 */
import { closeSync, openSync } from 'node:fs';
import { AF, SOCK } from '../../src/kernel/constants.ts';
import { slot } from '../../src/plan/arguments.ts';
import { play } from '../../src/plan/play.ts';
import { type Step, step } from '../../src/plan/step.ts';
import { relayPlan, relaySlots } from '../../src/runtime/relay.ts';

const sv = { bytes: Buffer.alloc(8), shown: '[a, b]' };
const type = SOCK.SOCK_STREAM | SOCK.SOCK_CLOEXEC;
const pair = play('pair', [step('socketpair', { domain: AF.AF_UNIX, type, protocol: 0, sv }, 'control')]).bytes(sv);
const [control, its] = [pair.readInt32LE(0), pair.readInt32LE(4)];

const cleanUp = 'head -c 8 <&9 | od -An -tx1 > "$0"; sleep 0.2; echo ended >> "$0"';
const script = `${cleanUp}; printf '\\004\\0\\0\\0\\0\\0\\0\\0' >&9; head -c 1 <&9`;
const argv = ['sh', '-c', script, process.argv[2] ?? ''];
const child = [
  step('dup3', { oldfd: slot('its'), newfd: 9, flags: 0 }, 'the control socket'),
  step('execve', { pathname: '/bin/sh', argv, envp: [] }, 'the keeper'),
];
const clone = step('clone', { flags: 0, child, cgroup: null, pidfd: null }, 'a keeper', { save: 'monitor' });
play('keep', [clone], { its });
closeSync(its);

const notThere = (one: Step): Step =>
  one.name === 'execve' ? ({ ...one, args: { ...one.args, pathname: '/no/such' } } as Step) : one;
const stream = openSync('/dev/null', 'r');
const slots = relaySlots({ control, stdout: stream, stderr: stream });
play('become', relayPlan({ terminal: false, interactive: false, monitored: true }).map(notThere), slots);
