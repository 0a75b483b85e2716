/** The tree of a Go template. `pos` is an index into the text, for messages. */
export type Node =
  | { readonly kind: 'text'; readonly pos: number; readonly text: string }
  | { readonly kind: 'action'; readonly pos: number; readonly pipe: PipeNode }
  | BranchNode
  | {
      readonly kind: 'template';
      readonly pos: number;
      readonly name: string;
      readonly quoted: string;
      readonly pipe: PipeNode | undefined;
    }
  | { readonly kind: 'break' | 'continue'; readonly pos: number };

export interface BranchNode {
  readonly kind: 'if' | 'with' | 'range';
  readonly pos: number;
  readonly pipe: PipeNode;
  readonly list: readonly Node[];
  readonly otherwise: readonly Node[] | undefined;
}

export interface PipeNode {
  readonly kind: 'pipe';
  readonly pos: number;
  readonly declares: readonly string[];
  readonly assigns: boolean;
  readonly commands: readonly CommandNode[];
}

export interface CommandNode {
  readonly kind: 'command';
  readonly pos: number;
  readonly args: readonly Operand[];
}

export type Operand =
  | { readonly kind: 'dot' | 'nil'; readonly pos: number }
  | { readonly kind: 'bool'; readonly pos: number; readonly value: boolean }
  /** A bigint is Go's int, a number its float64; undefined does not fit an int. */
  | {
      readonly kind: 'number';
      readonly pos: number;
      readonly text: string;
      readonly value: bigint | number | undefined;
    }
  | { readonly kind: 'string'; readonly pos: number; readonly quoted: string; readonly value: string }
  | { readonly kind: 'identifier'; readonly pos: number; readonly name: string }
  | { readonly kind: 'field'; readonly pos: number; readonly names: readonly string[] }
  /** `names[0]` is the variable with its `$`. */
  | { readonly kind: 'variable'; readonly pos: number; readonly names: readonly string[] }
  | { readonly kind: 'chain'; readonly pos: number; readonly operand: Operand; readonly names: readonly string[] }
  | PipeNode;

export type Expression = Operand | CommandNode;

const OPERAND_TEXT: { [K in Expression['kind']]: (node: Extract<Expression, { kind: K }>) => string } = {
  dot: () => '.',
  nil: () => 'nil',
  bool: (node) => String(node.value),
  number: (node) => node.text,
  string: (node) => node.quoted,
  identifier: (node) => node.name,
  field: (node) => node.names.map((name) => `.${name}`).join(''),
  variable: (node) => node.names.join('.'),
  chain: (node) => [inParentheses(node.operand), ...node.names].join('.'),
  command: (node) => node.args.map(inParentheses).join(' '),
  pipe: (node) => {
    const declared = node.declares.length > 0 ? `${node.declares.join(', ')} ${node.assigns ? '=' : ':='} ` : '';
    return declared + node.commands.map(expressionText).join(' | ');
  },
};

function inParentheses(node: Operand): string {
  return node.kind === 'pipe' ? `(${expressionText(node)})` : expressionText(node);
}

/** The expression as Go's messages quote it in `at <…>`. */
export function expressionText(node: Expression): string {
  return (OPERAND_TEXT[node.kind] as (node: Expression) => string)(node);
}
