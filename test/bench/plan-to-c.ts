import { ARG, OPCODE, SLOT_FIRST_FREE, SLOT_STATUS } from '../../src/kernel/abi.ts';
import { ERRNO } from '../../src/kernel/constants.ts';
import { type Argument, type DataSink, register, type Struct } from '../../src/plan/arguments.ts';
import { replaces } from '../../src/plan/replaced.ts';
import type { Step } from '../../src/plan/step.ts';
import { type CallName, type CloneArguments, parametersOf } from '../../src/plan/step-types.ts';

const LAST_SYSTEM_CALL = 199;

const bytesOf = (bytes: Uint8Array): string => `{${[...bytes].join(',') || '0'}}`;

/** Strings, structs and pointer lists as C objects: `encode` hands out their numbers instead of offsets on a tape. */
class Objects implements DataSink {
  kind = 0;
  readonly declarations: string[] = [];
  readonly fixes: string[] = [];
  readonly #slots = new Map<string, number>([
    ['status', SLOT_STATUS],
    ['finished', SLOT_STATUS + 1],
  ]);
  readonly #structs = new Map<Struct, number>();

  slotNumber(name: string): number {
    const known = this.#slots.get(name) ?? this.#slots.size - 2 + SLOT_FIRST_FREE;
    this.#slots.set(name, known);
    return known;
  }
  #object(bytes: Uint8Array): number {
    const number = this.declarations.length;
    this.declarations.push(
      `static union { u8 bytes[${Math.max(1, bytes.length)}]; u64 aligned; } d${number} = {${bytesOf(bytes)}};`,
    );
    return number;
  }
  text(value: string | Buffer): number {
    return this.#object(Buffer.concat([Buffer.from(value), Buffer.alloc(1)]));
  }
  struct(value: Struct): number {
    const known = this.#structs.get(value);
    if (known !== undefined) return known;
    const number = this.#object(value.bytes);
    this.#structs.set(value, number);
    for (const [at, target] of value.pointers ?? [])
      this.#point(number, at, Buffer.isBuffer(target) ? this.#object(target) : this.struct(target));
    return number;
  }
  strings(values: readonly string[]): number {
    const list = this.#object(Buffer.alloc(8 * (values.length + 1)));
    values.forEach((value, i) => this.#point(list, i * 8, this.text(value)));
    return list;
  }
  #point(from: number, at: number, to: number): void {
    this.fixes.push(`  *(u64 *)(d${from}.bytes + ${at}) = (u64)d${to}.bytes;`);
  }
}

/** Start plan → C: one function for each run of steps, run_0 the outermost. */
export function planToC(steps: readonly Step[], given: readonly string[]): string {
  const objects = new Objects();
  const functions: string[] = [];
  writeRun(steps, objects, functions);
  const names = given.map((name) => `#define GIVEN_${name} ${objects.slotNumber(name)}`);
  return [
    ...names,
    ...objects.declarations,
    ...functions,
    `static s64 run_0(void) {\n${objects.fixes.join('\n')}\n  return run_${functions.length}();\n}`,
    '',
  ].join('\n');
}

/** Returns the number of the function, children first: C wants them declared. */
function writeRun(steps: readonly Step[], objects: Objects, functions: string[]): number {
  const open = new Set<string>();
  const lines = steps.flatMap((step, i) => [
    `s${i}:;`,
    ...writeStep(step, i, replaces(step, open), objects, functions),
  ]);
  const number = functions.length + 1;
  const body = ['  s64 r = 0;', '  char path[6][40];', '  (void)path;', ...lines, `s${steps.length}:;`, '  return r;'];
  functions.push(`static s64 run_${number}(void) {\n${body.join('\n')}\n}`);
  return number;
}

function writeStep(step: Step, index: number, replaces: boolean, objects: Objects, functions: string[]): string[] {
  const after = (skip: number): string => `goto s${index + 1 + skip};`;
  const expected = Object.entries(step.expect ?? {}).map(([name, skip]) => {
    const errno = ERRNO[name as keyof typeof ERRNO];
    return `  if (r == -${errno}) ${after(skip)}`;
  });
  return [
    `  r = ${callOf(step, objects, functions)};`,
    ...expected,
    step.ignoreErrors ? `  if (is_error(r)) ${after(0)}` : `  if (is_error(r)) return failed(${index}, r);`,
    ...(step.save !== undefined && replaces
      ? [`  if (slot[${objects.slotNumber(step.save)}] > 2) sys(close, slot[${objects.slotNumber(step.save)}]);`]
      : []),
    ...(step.save === undefined ? [] : [`  slot[${objects.slotNumber(step.save)}] = r;`]),
    `  ${after(step.thenSkip ?? 0)}`,
  ];
}

function callOf(step: Step, objects: Objects, functions: string[]): string {
  if (step.name === 'clone') {
    const { flags, child, cgroup, pidfd } = step.args as CloneArguments;
    const run = writeRun(child, objects, functions);
    const keep = pidfd === null ? '0' : `&slot[${objects.slotNumber(pidfd.slot)}]`;
    const into = cgroup === null ? '-1' : `slot[${objects.slotNumber(cgroup.slot)}]`;
    return `clone_child(run_${run}, ${flags >>> 0}u, ${into}, ${keep})`;
  }
  const values = step.args as unknown as Record<string, Argument>;
  const registers = parametersOf(step.name as CallName).map(([name], i) => {
    const value = register(values[name]!, objects);
    const { kind } = objects;
    if (kind === ARG.data) return `(s64)d${value}.bytes`;
    if (kind === ARG.slot) return `slot[${value}]`;
    if (kind === ARG.fdpath) return `(s64)fdpath(path[${i}], slot[${value}])`;
    return `(s64)0x${BigInt.asUintN(64, BigInt(value)).toString(16)}ull`;
  });
  while (registers.length < 6) registers.push('0');
  const args = registers.join(', ');
  if (OPCODE[step.name] > LAST_SYSTEM_CALL) return `pseudo(${OPCODE[step.name]}, ${args})`;
  const name = step.name === 'poll' ? 'ppoll' : step.name;
  return `sys6(__NR_${name}, ${args})`;
}
