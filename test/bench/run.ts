/** `npm run bench`: what a start costs, against Node alone and against others. Not a test: it exits with 0, with --check by the targets. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chart } from './chart.ts';
import { detached } from './detached.ts';
import { insideProcess } from './inside-process.ts';
import { leftOver } from './left-over.ts';
import { describeMachine, type Machine, openMachine } from './machine.ts';
import { relay } from './relay.ts';
import { missed, type Results, type Row, table } from './results.ts';
import { wholeProcess } from './whole-process.ts';

const quick = process.argv.includes('--quick');
const check = process.argv.includes('--check');
/** Together some six minutes; with --quick a minute. */
const SIZE = quick
  ? {
      whole: { rounds: 10, seconds: 10 },
      detached: { rounds: 5, seconds: 20 },
      crowd: 30,
      inside: 30,
      relay: { rounds: 3, seconds: 8 },
      megabytes: 250,
      row: 40,
    }
  : {
      whole: { rounds: 50, seconds: 60 },
      detached: { rounds: 30, seconds: 60 },
      crowd: 300,
      inside: 200,
      relay: { rounds: 8, seconds: 40 },
      megabytes: 1000,
      row: 200,
    };

const RESULT_FILES = { json: join(import.meta.dirname, 'results.json'), svg: join(import.meta.dirname, 'results.svg') };

async function measure(machine: Machine): Promise<Row[]> {
  return [
    ...(await wholeProcess(machine, SIZE.whole)),
    ...(await insideProcess(machine, SIZE.inside)),
    ...(await detached(machine, SIZE.detached, SIZE.crowd)),
    ...leftOver(machine, SIZE.row),
    ...(await relay(machine, SIZE.megabytes, SIZE.relay)),
  ];
}

/** Whole processes that do the same; the shorter ones first. */
function drawn(rows: readonly Row[]): Row[] {
  const whole = rows.filter(({ group, name }) => group.startsWith('a whole process') && !name.includes('against'));
  return whole.toSorted((a, b) => a.median - b.median);
}

function write(results: Results): void {
  const { node, kernel, cpus } = results.machine;
  const subtitle = `medians of interleaved runs · Node ${node} · Linux ${kernel} · ${cpus} CPUs`;
  writeFileSync(RESULT_FILES.json, `${JSON.stringify(results, null, 2)}\n`);
  writeFileSync(
    RESULT_FILES.svg,
    chart('`true` in a container, from the command line to the end', subtitle, drawn(results.rows)),
  );
}

if (process.geteuid?.() !== 0) {
  process.stderr.write('bench: must be root\n');
  process.exit(check ? 1 : 0);
}
const machine = openMachine();
// SIGINT would leave a daemon and a container behind.
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    machine.close();
    process.exit(130);
  });
let results: Results;
try {
  const rows = await measure(machine);
  results = {
    date: new Date().toISOString().slice(0, 10),
    machine: { ...describeMachine(), data: machine.disk },
    rows,
    notes: machine.warnings,
  };
} finally {
  machine.close();
}
if (!quick) write(results);
process.stdout.write(`${table(results)}\n`);
process.exit(check && missed(results).length > 0 ? 1 : 0);
