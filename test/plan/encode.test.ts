import { constants } from 'node:os';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsrunError } from '../../src/errors/tsrun-error.ts';
import {
  ARG,
  OP,
  OPCODE,
  OPF_IGNORE,
  OPF_REPLACE,
  TAPE,
  TAPE_MAGIC,
  TAPE_NO_SLOT,
  TAPE_SLOTS,
} from '../../src/kernel/abi.ts';
import { fdPath, slot } from '../../src/plan/arguments.ts';
import { encode, type Tape } from '../../src/plan/encode.ts';
import { flatten, type Step, step } from '../../src/plan/step.ts';

const test = suite('encode');
const bad = (run: () => unknown, message: RegExp): void =>
  assert.throws(run, (error: unknown) => error instanceof TsrunError && message.test(error.message));

const header = ({ bytes }: Tape, field: Exclude<keyof typeof TAPE, 'slots' | 'bytes'>): number =>
  bytes.readUInt32LE(TAPE[field]);
const slotValue = (tape: Tape, name: string): bigint => tape.bytes.readBigInt64LE(TAPE.slots + tape.slotOf(name)! * 8);

/** The ops of a run of a tape, read back as a player would. */
function ops(tape: Tape, at = header(tape, 'ops'), count = header(tape, 'opCount')) {
  const { bytes } = tape;
  return Array.from({ length: count }, (_, i) => {
    const op = at + i * OP.bytes;
    const kinds = bytes.readUInt32LE(op + OP.kinds);
    return {
      code: bytes.readUInt16LE(op + OP.code),
      save: bytes[op + OP.save]!,
      okSkip: bytes[op + OP.okSkip]!,
      expected: [
        [bytes.readUInt16LE(op + OP.err1), bytes[op + OP.skip1]!],
        [bytes.readUInt16LE(op + OP.err2), bytes[op + OP.skip2]!],
      ],
      flags: bytes.readUInt16LE(op + OP.flags),
      step: bytes.readUInt32LE(op + OP.step),
      kinds: Array.from({ length: 6 }, (__, j) => (kinds >> (j * 4)) & 15),
      args: Array.from({ length: 6 }, (__, j) => bytes.readBigInt64LE(op + OP.args + j * 8)),
    };
  });
}

function textAt(tape: Tape, offset: bigint): string {
  const from = Number(offset);
  return tape.bytes.toString('utf8', from, tape.bytes.indexOf(0, from));
}

const open = (pathname: string, save?: string): Step =>
  step('openat', { dirfd: -100, pathname, flags: 0o2000000, mode: 0 }, 'why', save === undefined ? {} : { save });
const close = (name: string): Step => step('close', { fd: slot(name) }, 'why');
const child = (...steps: Step[]): Step =>
  step('clone', { flags: 0, child: steps, cgroup: null, pidfd: null }, 'a child');

test('the header names the parts, and nothing is behind the last', () => {
  const tape = encode([open('/a'), step('exec', { candidates: ['/b'], argv: ['b', 'c'], envp: [] }, 'why')]);
  assert.is(header(tape, 'magic'), TAPE_MAGIC);
  assert.is(header(tape, 'version'), 1);
  assert.is(header(tape, 'size'), tape.bytes.length);
  assert.is(header(tape, 'ops'), TAPE.bytes);
  assert.is(header(tape, 'opCount'), 2);
  assert.is(tape.bytes.readInt32LE(TAPE.failedStep), -1);
  assert.is(tape.bytes.readBigUInt64LE(TAPE.base), 0n);
  assert.is(header(tape, 'relocs') + header(tape, 'relocCount') * 4, tape.bytes.length);
});

test('no steps at all', () => {
  const tape = encode([]);
  assert.is(tape.bytes.length, TAPE.bytes);
  assert.equal(tape.steps, []);
});

test('each kind of argument', () => {
  const tape = encode([
    open('/a', 'fd'),
    step('fchown', { fd: slot('fd'), owner: 5, group: -1 }, 'why'),
    step(
      'mount',
      { source: null, target: fdPath('fd'), filesystemtype: 'tmpfs', mountflags: 0x80000000, data: null },
      'why',
    ),
  ]);
  const [openat, fchown, mount] = ops(tape);
  assert.is(openat!.code, OPCODE.openat);
  assert.equal(openat!.kinds, [ARG.imm, ARG.data, ARG.imm, ARG.imm, 0, 0]);
  assert.is(openat!.args[0], -100n);
  assert.is(textAt(tape, openat!.args[1]!), '/a');
  assert.equal(fchown!.kinds.slice(0, 3), [ARG.slot, ARG.imm, ARG.imm]);
  assert.equal(fchown!.args.slice(0, 3), [BigInt(tape.slotOf('fd')!), 5n, -1n]);
  assert.equal(mount!.kinds.slice(0, 5), [ARG.imm, ARG.fdpath, ARG.data, ARG.imm, ARG.imm]);
  assert.is(mount!.args[0], 0n, 'NULL');
  assert.is(mount!.args[3], 0x80000000n, 'the highest flag is no sign');
});

test('64 bits stay 64 bits', () => {
  const [drop] = ops(encode([step('drop_bounding', { keep: 0x1ffffffffffn }, 'why')]));
  assert.is(drop!.args[0], 0x1ffffffffffn);
  const [range] = ops(encode([step('close_range', { first: 3, last: 0xffffffff, flags: 0 }, 'why')]));
  assert.is(range!.args[1], 0xffffffffn);
});

test('slots: the fixed two, then in the order of use; a name has one number', () => {
  const tape = encode([open('/a', 'a'), open('/b', 'b'), close('a'), close('b'), close('status')], { given: 7 });
  const saved = ops(tape).map(({ save }) => save);
  assert.equal(saved.slice(2), [TAPE_NO_SLOT, TAPE_NO_SLOT, TAPE_NO_SLOT]);
  assert.equal(saved.slice(0, 2), [tape.slotOf('a'), tape.slotOf('b')]);
  assert.is(tape.slotOf('status'), 0);
  assert.is(tape.slotOf('finished'), 1);
  assert.equal(new Set(['status', 'finished', 'a', 'b', 'given'].map((name) => tape.slotOf(name))).size, 5);
  assert.is(tape.slotOf('nobody'), undefined);
});

test('given values lie in their slots before the first step', () => {
  const tape = encode([close('x')], { x: 42, y: -1 });
  assert.is(slotValue(tape, 'x'), 42n);
  assert.is(slotValue(tape, 'y'), -1n);
});

test('as many slots as the tape has, and not one more', () => {
  const names = Array.from({ length: TAPE_SLOTS - 2 }, (_, i) => `s${i}`);
  const tape = encode(names.map(close));
  assert.is(tape.slotOf(names.at(-1)!), TAPE_SLOTS - 1);
  bad(() => encode([...names, 'one-more'].map(close)), /more than 64 slots at one-more/);
});

test('a slot that is saved to again closes its descriptor, in the same run and where one was opened', () => {
  const umask = step('umask', { mask: 0 }, 'why', { save: 'x' });
  const flags = (...steps: Step[]): number[] => ops(encode(steps)).map((op) => op.flags);
  assert.equal(flags(open('/a', 'x'), open('/b', 'y'), open('/c', 'x'), open('/d', 'x')), [
    0,
    0,
    OPF_REPLACE,
    OPF_REPLACE,
  ]);
  assert.equal(flags(open('/a', 'x'), close('x'), open('/b', 'x')), [0, 0, 0], 'closed already');
  assert.equal(flags(umask, open('/a', 'x'), umask, open('/a', 'x')), [0, 0, 0, 0], 'no descriptor');
  assert.equal(flags(open('/a', 'x'), child(open('/b', 'x'))), [0, 0], 'the parent’s');
  const tape = encode([child(open('/b', 'x'), open('/c', 'x'))]);
  const [clone] = ops(tape);
  assert.equal(
    ops(tape, Number(clone!.args[1]), 2).map((op) => op.flags),
    [0, OPF_REPLACE],
  );
});

test('what is expected, skipped and ignored', () => {
  const steps = [
    step('umask', { mask: 0 }, 'why', { expect: { EEXIST: 0, ENOENT: 3 }, thenSkip: 2, ignoreErrors: true }),
    step('umask', { mask: 0 }, 'why'),
  ];
  const [first, second] = ops(encode(steps));
  assert.equal(first!.expected, [
    [constants.errno.EEXIST, 0],
    [constants.errno.ENOENT, 3],
  ]);
  assert.is(first!.okSkip, 2);
  assert.is(first!.flags, OPF_IGNORE);
  assert.equal(
    [second!.expected, second!.okSkip, second!.flags],
    [
      [
        [0, 0],
        [0, 0],
      ],
      0,
      0,
    ],
  );
});

test('an errno that does not exist, and one too many, are refused', () => {
  const one = (expect: Record<string, number>) => encode([step('umask', { mask: 0 }, 'why', { expect })]);
  bad(() => one({ EWHAT: 0 }), /unknown errno EWHAT/);
  bad(() => one({ EPERM: 0, ENOENT: 0, EEXIST: 0 }), /umask expects more than two errnos/);
});

test('equal texts lie on the tape once; bytes that are no text stay as they are', () => {
  const raw = Buffer.from([0x2f, 0xff, 0xfe]);
  const unlink = (pathname: string | Buffer): Step => step('unlinkat', { dirfd: -100, pathname, flags: 0 }, 'why');
  const tape = encode([unlink('/same'), unlink('/same'), unlink(raw), unlink('/\ufffd\ufffd')]);
  const at = ops(tape).map(({ args }) => Number(args[1]));
  assert.is(at[0], at[1]);
  assert.equal(tape.bytes.subarray(at[2]!, at[2]! + 4), Buffer.from([0x2f, 0xff, 0xfe, 0]));
  assert.is.not(at[2], at[3]);
  assert.ok(at.every((offset) => offset % 8 === 0));
});

test('texts that are not ASCII lie whole behind each other, as long as they are in UTF-8', () => {
  const texts = ['/a', '/ä', '/漢字', '/\u{1f980}', `/${'é'.repeat(3000)}`, '', '/\ud800', '/last'];
  const shared = { bytes: Buffer.from('12345678'), shown: 'shared' };
  const tape = encode([
    ...texts.map((pathname) => open(pathname)),
    step('read', { fd: 0, buf: shared, count: 8 }, 'why'),
    step('exec', { candidates: ['/é'], argv: ['ü', 'x'], envp: ['A=ß'] }, 'why'),
  ]);
  const all = ops(tape);
  const found = texts.map((_, i) => textAt(tape, all[i]!.args[1]!));
  assert.equal(found, [...texts.slice(0, -2), '/\ufffd', '/last']);
  const at = tape.offsetOf(shared)!;
  assert.is(tape.bytes.toString('latin1', at, at + 8), '12345678');
  const argv = Number(all.at(-1)!.args[1]);
  assert.equal(
    [0, 8].map((i) => textAt(tape, tape.bytes.readBigInt64LE(argv + i))),
    ['ü', 'x'],
  );
});

for (const length of [0, 1, 6, 7, 8, 9, 100_000])
  test(`a text of ${length} bytes ends, and what is behind it is whole`, () => {
    const long = 'x'.repeat(length);
    const tape = encode([open(long), open('/next')]);
    assert.equal(
      ops(tape).map(({ args }) => textAt(tape, args[1]!)),
      [long, '/next'],
    );
  });

test('every pointer inside the data is on the list of relocations', () => {
  const inner = { bytes: Buffer.from('inner'), shown: 'inner' };
  const outer = {
    bytes: Buffer.alloc(24),
    pointers: [
      [8, inner],
      [16, Buffer.from('raw\0')],
    ] as const,
    shown: 'outer',
  };
  const tape = encode([
    step('bpf', { cmd: 5, attr: outer, size: 24 }, 'why'),
    step('exec', { candidates: ['/x', '/y'], argv: ['x'], envp: [] }, 'why'),
  ]);
  const { bytes } = tape;
  const relocs = Array.from({ length: header(tape, 'relocCount') }, (_, i) =>
    bytes.readUInt32LE(header(tape, 'relocs') + i * 4),
  );
  assert.is(relocs.length, 2 + 3);
  const at = tape.offsetOf(outer)!;
  assert.equal(relocs.slice(0, 2).sort(), [at + 8, at + 16].sort());
  assert.is(bytes.readUInt32LE(at + 8), tape.offsetOf(inner));
  assert.is(textAt(tape, bytes.readBigInt64LE(at + 16)), 'raw');
  const candidates = Number(ops(tape)[1]!.args[0]);
  assert.is(textAt(tape, bytes.readBigInt64LE(candidates)), '/x');
  assert.is(textAt(tape, bytes.readBigInt64LE(candidates + 8)), '/y');
  assert.is(bytes.readBigInt64LE(candidates + 16), 0n, 'the list ends');
});

test('a struct that two steps share is one: the second sees what the kernel wrote', () => {
  const shared = { bytes: Buffer.alloc(8), shown: 'shared' };
  const read = step('read', { fd: 0, buf: shared, count: 8 }, 'why');
  const [first, second] = ops(encode([read, read]));
  assert.is(first!.args[1], second!.args[1]);
});

test('the source buffer is copied', () => {
  const mine = { bytes: Buffer.from('before'), shown: 'mine' };
  const tape = encode([step('read', { fd: 0, buf: mine, count: 6 }, 'why')]);
  mine.bytes.write('after!');
  assert.is(tape.bytes.toString('utf8', tape.offsetOf(mine)!, tape.offsetOf(mine)! + 6), 'before');
});

/** The numbers of all ops by following the clones, as the player reports them. */
function walk(tape: Tape, at?: number, count?: number): { step: number; code: number }[] {
  return ops(tape, at, count).flatMap(({ step: number, code, args }) => [
    { step: number, code },
    ...(code === OPCODE.clone ? walk(tape, Number(args[1]), Number(args[2])) : []),
  ]);
}

test('clones within clones: every op has the number that its step has in flatten()', () => {
  const exec = step('execve', { pathname: '/x', argv: [], envp: [] }, 'why');
  const steps = [
    open('/0', 'a'),
    child(open('/2'), child(open('/4'), exec), child(exec), open('/8'), exec),
    close('a'),
    child(child(child(exec))),
    open('/last'),
  ];
  const tape = encode(steps);
  const all = flatten(steps);
  assert.is(tape.steps.length, all.length);
  assert.equal(
    walk(tape),
    all.map(({ name }, number) => ({ step: number, code: OPCODE[name] })),
  );
});

test('a clone says where its cgroup is and where its pidfd goes', () => {
  const args = { flags: 0x20000, child: [], cgroup: slot('cgroup'), pidfd: slot('pidfd') };
  const tape = encode([step('clone', args, 'why', { save: 'pid' }), child()]);
  const [first, second] = ops(tape);
  assert.equal(first!.args.slice(3, 5), [BigInt(tape.slotOf('cgroup')!), BigInt(tape.slotOf('pidfd')!)]);
  assert.is(first!.save, tape.slotOf('pid'));
  assert.equal(second!.args.slice(2, 5), [0n, BigInt(TAPE_NO_SLOT), BigInt(TAPE_NO_SLOT)]);
});

test.run();
