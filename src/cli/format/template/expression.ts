import { TsrunError } from '../../../errors/tsrun-error.ts';
import { type CommandNode, type Expression, expressionText, type Node, type Operand, type PipeNode } from './ast.ts';
import type { Parameter, TemplateFunctions } from './functions.ts';
import { faultAt, placeText } from './place.ts';
import { goQuote } from './quote.ts';
import { fromData, isMap, isTrue, mapGet, mapHas, TypedMap, typeName, type Value } from './value.ts';

/** Stands for "no value came down the pipe", which is not the same as an undefined one. */
const NOTHING = Symbol('nothing');
const TYPE_WORDS: Record<Parameter, string> = {
  any: 'interface {}',
  string: 'string',
  int: 'int',
  strings: '[]string',
};

type Method = (...args: Value[]) => Value;

/** Pipelines, fields and calls; remembers where it is for the words of an error. */
export class ExpressionEvaluator {
  variables: { name: string; value: Value }[] = [];
  /** Name of the template that runs. */
  name = '';
  private readonly text: string;
  private readonly functions: TemplateFunctions;
  private place: Node | Expression | undefined;

  constructor(text: string, functions: TemplateFunctions) {
    this.text = text;
    this.functions = functions;
  }

  at(node: Node | Expression): void {
    this.place = node;
  }

  fail(message: string): never {
    throw faultAt(this.text, this.place, this.name, message);
  }
  assign(name: string, value: Value): void {
    const variable = this.variables.findLast((candidate) => candidate.name === name);
    if (variable === undefined) this.fail(`undefined variable: ${name}`);
    variable.value = value;
  }

  pipe(dot: Value, pipe: PipeNode): Value {
    this.at(pipe);
    let value: Value = NOTHING;
    for (const command of pipe.commands) value = this.command(dot, command, value);
    for (const name of pipe.declares) {
      if (pipe.assigns) this.assign(name, value);
      else this.variables.push({ name, value });
    }
    return value;
  }

  private command(dot: Value, command: CommandNode, final: Value): Value {
    const first = command.args[0] as Operand;
    const rest = command.args.slice(1);
    const hasArguments = rest.length > 0 || final !== NOTHING;
    switch (first.kind) {
      case 'field':
        this.at(first);
        return this.chain(dot, dot, first, first.names, rest, final);
      case 'variable':
        return this.variable(dot, first, rest, final);
      case 'identifier':
        this.at(first);
        return this.call(dot, first.name, command, rest, final);
      case 'chain':
        return this.chain(dot, this.chainStart(dot, first), first, first.names, rest, final);
    }
    if (first.kind === 'pipe') {
      if (hasArguments) this.fail(`can't give argument to non-function ${placeText(first)}`);
      return this.pipe(dot, first);
    }
    this.at(first);
    if (hasArguments) this.fail(`can't give argument to non-function ${expressionText(first)}`);
    if (first.kind === 'nil') this.fail('nil is not a command');
    return this.operand(dot, first);
  }

  private variable(
    dot: Value,
    node: Extract<Operand, { kind: 'variable' }>,
    rest: readonly Operand[],
    final: Value,
  ): Value {
    this.at(node);
    const [name, ...fields] = node.names as [string, ...string[]];
    const value = this.variables.findLast((candidate) => candidate.name === name)?.value;
    if (fields.length > 0) return this.chain(dot, value, node, fields, rest, final);
    if (rest.length > 0 || final !== NOTHING) this.fail(`can't give argument to non-function ${name}`);
    return value;
  }

  private chainStart(dot: Value, node: Extract<Operand, { kind: 'chain' }>): Value {
    this.at(node);
    if (node.operand.kind === 'nil') this.fail(`indirection through explicit nil in ${expressionText(node)}`);
    return this.operand(dot, node.operand);
  }

  /** Only the last field of a chain can be a method with arguments. */
  private chain(
    dot: Value,
    start: Value,
    node: Operand,
    names: readonly string[],
    rest: readonly Operand[],
    final: Value,
  ): Value {
    return names.reduce((receiver: Value, name, index) => {
      const isLast = index === names.length - 1;
      return this.field(dot, receiver, name, index, node, isLast ? rest : [], isLast ? final : NOTHING);
    }, start);
  }

  private field(
    dot: Value,
    receiver: Value,
    name: string,
    index: number,
    node: Operand,
    rest: readonly Operand[],
    final: Value,
  ): Value {
    // What a typed map does not have has no fields either, and Go makes no error of it.
    if (receiver === undefined && final === NOTHING && rest.length === 0) return undefined;
    const isResult = index === 0 && (node.kind === 'chain' || node.kind === 'variable');
    if (receiver === undefined || (receiver === null && isResult))
      this.fail(`nil data; no entry for key ${goQuote(name)}`);
    if (receiver === null) this.fail(`nil pointer evaluating interface {}.${name}`);
    if (!isMap(receiver))
      this.fail(`can't evaluate field ${name} in type ${index > 0 ? 'interface {}' : typeName(receiver)}`);
    const value = mapGet(receiver, name);
    if (typeof value === 'function') return this.method(dot, receiver, value as Method, name, node, rest, final);
    if (rest.length > 0 || final !== NOTHING) this.fail(`${name} is not a method but has arguments`);
    if (!mapHas(receiver, name) && !(receiver instanceof TypedMap))
      this.fail(`map has no entry for key ${goQuote(name)}`);
    return value;
  }

  private method(
    dot: Value,
    receiver: Value,
    method: Method,
    name: string,
    node: Operand,
    rest: readonly Operand[],
    final: Value,
  ): Value {
    const count = rest.length + (final === NOTHING ? 0 : 1);
    if (count !== method.length) this.fail(`wrong number of args for ${name}: want ${method.length} got ${count}`);
    const args = this.arguments(dot, rest, final, () => 'any');
    return this.guarded(node, name, () => Reflect.apply(method, receiver, args));
  }

  private call(dot: Value, name: string, command: CommandNode, rest: readonly Operand[], final: Value): Value {
    const entry = this.functions[name];
    if (entry === undefined) this.fail(`${goQuote(name)} is not a defined function`);
    const count = rest.length + (final === NOTHING ? 0 : 1);
    const wanted = entry.parameters.length;
    if (entry.variadic === undefined ? count !== wanted : count < wanted)
      this.fail(
        `wrong number of args for ${name}: want ${entry.variadic === undefined ? '' : 'at least '}${wanted} got ${count}`,
      );
    if (name === 'and' || name === 'or') return this.shortCircuit(dot, name === 'or', rest, final);
    if (name === 'call' && rest[0]?.kind === 'nil') this.calling(command, name, 'call of nil');
    const args = this.arguments(dot, rest, final, (index) => entry.parameters[index] ?? entry.variadic ?? 'any');
    if (name === 'call' && typeof args[0] !== 'function')
      this.calling(
        command,
        name,
        `non-function ${rest[0] === undefined ? '' : placeText(rest[0])} of type ${typeName(args[0])}`,
      );
    return this.guarded(command, name, () => entry.run(...args));
  }

  private shortCircuit(dot: Value, until: boolean, rest: readonly Operand[], final: Value): Value {
    let value: Value;
    for (const operand of rest) {
      value = this.argument(dot, operand, 'any');
      if (isTrue(value) === until) return value;
    }
    return final === NOTHING ? value : final;
  }

  private calling(node: Expression, name: string, message: string): never {
    this.at(node);
    this.fail(`error calling ${name}: ${message}`);
  }

  private guarded(node: Expression, name: string, run: () => unknown): Value {
    try {
      return fromData(run());
    } catch (error) {
      if (error instanceof TsrunError) this.calling(node, name, error.message);
      throw error;
    }
  }

  private arguments(dot: Value, rest: readonly Operand[], final: Value, type: (index: number) => Parameter): Value[] {
    const args = rest.map((operand, index) => this.argument(dot, operand, type(index)));
    return final === NOTHING ? args : [...args, this.typed(final ?? undefined, type(rest.length))];
  }

  /** A literal is checked before it is a value: Go says "expected string; found 3". */
  private argument(dot: Value, node: Operand, type: Parameter): Value {
    this.at(node);
    if (node.kind === 'nil' && type !== 'any') this.fail(`cannot assign nil to ${TYPE_WORDS[type]}`);
    const isLiteral = node.kind === 'bool' || node.kind === 'number' || node.kind === 'string';
    const value = this.operand(dot, node);
    const found = `found ${expressionText(node)}`;
    if (isLiteral && type === 'string' && typeof value !== 'string') this.fail(`expected string; ${found}`);
    if (isLiteral && type === 'int' && typeof value !== 'bigint') this.fail(`expected integer; ${found}`);
    return this.typed(value, type);
  }

  private typed(value: Value, type: Parameter): Value {
    if (type === 'any') return value === undefined ? null : value;
    if (value === undefined) this.fail(`invalid value; expected ${TYPE_WORDS[type]}`);
    const fits =
      type === 'strings'
        ? Array.isArray(value) && value.every((element) => typeof element === 'string')
        : typeof value === (type === 'int' ? 'bigint' : 'string');
    // A nil list of strings is Go's empty one.
    if (type === 'strings' && value === null) return [];
    if (!fits) this.fail(`wrong type for value; expected ${TYPE_WORDS[type]}; got ${typeName(value)}`);
    return value;
  }

  private operand(dot: Value, node: Operand): Value {
    switch (node.kind) {
      case 'dot':
        return dot;
      case 'nil':
        return null;
      case 'bool':
      case 'string':
        return node.value;
      case 'number':
        if (node.value === undefined) this.fail(`${node.text} overflows int`);
        return node.value;
      case 'pipe':
        return this.pipe(dot, node);
      default:
        return this.command(dot, { kind: 'command', pos: node.pos, args: [node] }, NOTHING);
    }
  }
}
