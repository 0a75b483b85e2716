import type { BranchNode, Node } from './ast.ts';
import { ExpressionEvaluator } from './expression.ts';
import type { TemplateFunctions } from './functions.ts';
import type { ParsedTemplate } from './parser.ts';
import { formatValue } from './printf.ts';
import { fromData, isMap, isTrue, mapEntries, type Value } from './value.ts';

/** Templates that call templates: deeper than this is a loop. */
const MAX_DEPTH = 1000;

type Jump = 'break' | 'continue' | undefined;

class Execution {
  private readonly expressions: ExpressionEvaluator;
  private readonly template: ParsedTemplate;
  private readonly write: (text: string) => void;
  private depth = 0;

  constructor(template: ParsedTemplate, functions: TemplateFunctions, write: (text: string) => void) {
    this.template = template;
    this.write = write;
    this.expressions = new ExpressionEvaluator(template.text, functions);
  }

  run(nodes: readonly Node[], data: Value): void {
    this.expressions.variables = [{ name: '$', value: data }];
    this.list(nodes, data);
  }

  private list(nodes: readonly Node[], dot: Value): Jump {
    for (const node of nodes) {
      const jump = this.node(node, dot);
      if (jump !== undefined) return jump;
    }
    return undefined;
  }

  private node(node: Node, dot: Value): Jump {
    this.expressions.at(node);
    switch (node.kind) {
      case 'text':
        this.write(node.text);
        return undefined;
      case 'break':
      case 'continue':
        return node.kind;
      case 'template':
        return this.call(node, dot);
      case 'action':
        return this.action(node, dot);
      default:
        return this.scoped(() => (node.kind === 'range' ? this.range(node, dot) : this.branch(node, dot)));
    }
  }

  private action(node: Extract<Node, { kind: 'action' }>, dot: Value): undefined {
    const value = this.expressions.pipe(dot, node.pipe);
    this.expressions.at(node);
    if (node.pipe.declares.length > 0) return;
    if (typeof value === 'function') this.expressions.fail(`can't print ${node.pipe.kind} of type func()`);
    this.write(value === undefined || value === null ? '<no value>' : formatValue(value));
  }

  /** Variables declared inside end with it. */
  private scoped(body: () => Jump): Jump {
    const mark = this.expressions.variables.length;
    const jump = body();
    this.expressions.variables.length = mark;
    return jump;
  }

  private branch(node: BranchNode, dot: Value): Jump {
    const value = this.expressions.pipe(dot, node.pipe);
    if (isTrue(value)) return this.list(node.list, node.kind === 'with' ? value : dot);
    return node.otherwise === undefined ? undefined : this.list(node.otherwise, dot);
  }

  private range(node: BranchNode, dot: Value): Jump {
    const value = this.expressions.pipe(dot, node.pipe);
    const items = this.items(value, node);
    const mark = this.expressions.variables.length;
    let runs = 0;
    for (const [key, element] of items) {
      runs++;
      this.bind(node, mark, key, element);
      const jump = this.list(node.list, element);
      this.expressions.variables.length = mark;
      if (jump === 'break') break;
    }
    return runs === 0 && node.otherwise !== undefined ? this.list(node.otherwise, dot) : undefined;
  }

  private items(value: Value, node: BranchNode): Iterable<[Value, Value]> {
    if (value === undefined || value === null) return [];
    if (Array.isArray(value)) return value.map((element, index) => [BigInt(index), fromData(element)]);
    if (isMap(value)) return mapEntries(value);
    if (typeof value !== 'bigint') this.expressions.fail(`range can't iterate over ${formatValue(value)}`);
    if (node.pipe.declares.length > 1)
      this.expressions.fail(`can't use ${value} to iterate over more than one variable`);
    return countTo(value);
  }

  /** One variable takes the element, two take key and element. */
  private bind(node: BranchNode, mark: number, key: Value, element: Value): void {
    const names = node.pipe.declares;
    const values = names.length > 1 ? [key, element] : [element];
    values.slice(0, names.length).forEach((value, index) => {
      if (node.pipe.assigns) this.expressions.assign(names[index] as string, value);
      else this.expressions.variables[mark - names.length + index] = { name: names[index] as string, value };
    });
  }

  private call(node: Extract<Node, { kind: 'template' }>, dot: Value): undefined {
    const body = this.template.defined.get(node.name);
    if (body === undefined) this.expressions.fail(`template ${node.quoted} not defined`);
    if (++this.depth > MAX_DEPTH) this.expressions.fail(`exceeded maximum template depth (${MAX_DEPTH})`);
    const data = node.pipe === undefined ? undefined : this.expressions.pipe(dot, node.pipe);
    const outer = this.expressions.variables;
    const outerName = this.expressions.name;
    this.expressions.name = node.name;
    this.run(body, data);
    this.expressions.name = outerName;
    this.expressions.variables = outer;
    this.depth--;
  }
}

function* countTo(end: bigint): Generator<[Value, Value]> {
  for (let i = 0n; i < end; i++) yield [i, i];
}

/**
 * Runs a template on plain JSON data and hands its text to `write` piece by piece, so that the text before an error is
 * not lost. Throws TsrunError('usage', 'template: :LINE:COLUMN: executing "" at <…>: …').
 */
export function execute(
  template: ParsedTemplate,
  data: unknown,
  functions: TemplateFunctions,
  write: (text: string) => void,
): void {
  new Execution(template, functions, write).run(template.root, fromData(data));
}
