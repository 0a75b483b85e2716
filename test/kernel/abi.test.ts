import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as abiNumbers from '../../src/kernel/abi.ts';
import { packageRoot } from '../../src/kernel/library.ts';
import * as protocol from '../../src/kernel/protocol.ts';
import { type CallName, parametersOf, STEP_TYPES } from '../../src/plan/step-types.ts';
import { needs, tool } from '../support/needs.ts';
import { cValues } from './c-values.ts';

const native = join(packageRoot(), 'native');
const abi = { ...abiNumbers, ...protocol };
const header = ['abi.h', 'protocol.h'].map((name) => readFileSync(join(native, name), 'utf8')).join('');
const player = readFileSync(join(native, 'player.c'), 'utf8');

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const prefixed = (prefix: string, table: Readonly<Record<string, number>>): [string, number][] =>
  Object.entries(table)
    .filter(([name]) => name !== 'bytes')
    .map(([name, value]) => [`${prefix}_${snake(name).toUpperCase()}`, value]);

/** Every number of src/kernel/abi.ts under the name that the header has for it. */
function ours(): Record<string, number> {
  const plain = Object.entries<unknown>(abi).filter((entry): entry is [string, number] => typeof entry[1] === 'number');
  return Object.fromEntries([
    ...plain,
    ...prefixed('OP', abi.OPCODE),
    ...prefixed('ARG', abi.ARG),
    ...prefixed('IN_ROOT', abi.IN_ROOT),
    ...prefixed('CONTROL', abi.CONTROL),
    ...prefixed('HELLO', abi.HELLO),
    ...prefixed('HOST', abi.HOST),
  ]);
}

/** Every `#define NAME number` of the header. */
function theirs(): Record<string, number> {
  const lines = header.matchAll(/^#define\s+([A-Z][A-Z0-9_]*)\s+(0x[0-9a-fA-F]+|\d+)u?\b/gm);
  return Object.fromEntries([...lines].map(([, name, value]) => [name!, Number(value)]));
}

/** Members of a struct of the header, in order. */
function members(name: string): string[] {
  const body = header.match(new RegExp(`^struct ${name} \\{\\n([^}]*)\\}`, 'm'))?.[1] ?? '';
  const declarations = body.replace(/\/\*.*?\*\//gs, '').split(';');
  return declarations.flatMap((declaration) => {
    const names = declaration.trim().replace(/^\w+\s+/, '');
    return names === '' ? [] : names.split(',').map((one) => one.trim().replace(/\[.*\]$/, ''));
  });
}

const numbers = suite('the numbers of abi.h');

numbers('each is in abi.ts, and no other', () => {
  const { TSRUN_ABI_H: _, TSRUN_PROTOCOL_H: __, OP_SYSCALL_LAST: last, ...defined } = theirs();
  assert.ok(Object.keys(defined).length > 100, 'the header was understood');
  assert.equal(ours(), defined);
  assert.is(last, Math.max(...Object.values(abi.OPCODE).filter((code) => code < 200)));
});

numbers('every #define of the header was understood', () => {
  const names = [...header.matchAll(/^#define\s+(\w+)/gm)].map(([, name]) => name!);
  assert.equal(
    names.filter((name) => !name.endsWith('_H') && !(name in theirs())),
    [],
  );
});

numbers('no two ops share a number', () => {
  const codes = Object.values(abi.OPCODE);
  assert.is(new Set(codes).size, codes.length);
});

numbers('the player has the call of every op that is one', () => {
  const table = new Map(
    [...player.matchAll(/\[OP_([A-Z0-9_]+)\]\s*=\s*__NR_(\w+)/g)].map(([, op, call]) => [op, call]),
  );
  const calls = Object.entries(abi.OPCODE).filter(([, code]) => code < 200);
  // ppoll(2) is the one that arm64 has too.
  const expected = calls.map(([name]) => [name.toUpperCase(), name === 'poll' ? 'ppoll' : name]);
  assert.equal(Object.fromEntries(table), Object.fromEntries(expected));
});

/** clone holds a nested plan and has no line in the table; no plan needs the raw openat2: in_root is made of it. */
numbers('every other op is a step, with no more arguments than a call has registers', () => {
  const { clone: _, clone_apart: __, openat2: ___, ...ops } = abi.OPCODE;
  assert.equal(Object.keys(STEP_TYPES).sort(), Object.keys(ops).sort());
  for (const name of Object.keys(STEP_TYPES)) assert.ok(parametersOf(name as CallName).length <= 6, name);
});

numbers.run();

const layout = needs(suite('the structs of abi.h'), tool('gcc'));

/** Names in TypeScript that are not the member's in camel case. */
const RENAMED: Record<string, string> = { args: 'arg' };
const structs: [string, Readonly<Record<string, number>>][] = [
  ['tape', abi.TAPE],
  ['op', abi.OP],
  ['job', abi.JOB],
];
for (const [name, table] of structs) {
  layout(`struct ${name}`, () => {
    const { bytes, ...offsets } = table;
    const fields = Object.keys(offsets).map((key) => RENAMED[key] ?? snake(key));
    assert.equal(
      fields.toSorted(),
      members(name)
        .filter((member) => member !== 'reserved')
        .toSorted(),
    );
    const expressions = [...fields.map((field) => `offsetof(struct ${name}, ${field})`), `sizeof(struct ${name})`];
    const include = `#include "${join(native, 'protocol.h')}"`;
    assert.equal([...Object.values(offsets), bytes], cValues([include], expressions));
  });
}

layout('struct control: a type and a value, 4 bytes each', () => {
  const include = `#include "${join(native, 'protocol.h')}"`;
  const expressions = ['offsetof(struct control, type)', 'offsetof(struct control, value)', 'sizeof(struct control)'];
  assert.equal(cValues([include], expressions), [0, 4, abi.CONTROL.bytes]);
});

layout.run();
