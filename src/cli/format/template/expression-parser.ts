import { TsrunError } from '../../../errors/tsrun-error.ts';
import { type CommandNode, expressionText, type Operand, type PipeNode } from './ast.ts';
import type { Token, TokenKind } from './lexer.ts';
import { numberLiteral, stringLiteral } from './literal.ts';
import { goQuote } from './quote.ts';

/** What the expressions need of the parser around them. */
export interface TokenReader {
  peek(offset?: number): Token;
  next(): Token;
  skipSpace(): Token;
  fail(message: string, token?: Token): never;
  unexpected(token: Token, context: string): never;
}

const OPERANDS: ReadonlySet<TokenKind> = new Set<TokenKind>([
  'bool',
  'char-constant',
  'dot',
  'field',
  'identifier',
  'number',
  'nil',
  'raw-string',
  'string',
  'variable',
  'left-paren',
]);
const NOT_EXECUTABLE = new Set<Operand['kind']>(['bool', 'dot', 'nil', 'number', 'string']);

/** Pipelines and their operands; keeps the names of the variables in sight. */
export class ExpressionParser {
  variables: string[] = ['$'];
  private readonly tokens: TokenReader;
  private readonly functions: ReadonlySet<string>;

  constructor(tokens: TokenReader, functions: ReadonlySet<string>) {
    this.tokens = tokens;
    this.functions = functions;
  }

  /** Everything up to `end`, which is consumed. `context` is a word for messages. */
  pipeline(context: string, end: 'close' | 'right-paren'): PipeNode {
    const pos = this.tokens.skipSpace().pos;
    const { declares, assigns } = this.declarations(context);
    const commands: CommandNode[] = [];
    for (;;) {
      const token = this.tokens.skipSpace();
      if (token.kind === end) break;
      if (!OPERANDS.has(token.kind)) this.tokens.unexpected(token, context);
      commands.push(this.command());
    }
    this.tokens.next();
    if (commands.length === 0) this.tokens.fail(`missing value for ${context}`);
    commands.forEach((command, index) => {
      const first = command.args[0];
      if (index > 0 && first !== undefined && NOT_EXECUTABLE.has(first.kind))
        this.tokens.fail(`non executable command in pipeline stage ${index + 1}`);
    });
    return { kind: 'pipe', pos, declares, assigns, commands };
  }

  /** `$x :=`, `$x =`, and for range `$i, $e :=`. */
  private declarations(context: string): { declares: string[]; assigns: boolean } {
    const declares: string[] = [];
    for (;;) {
      const variable = this.tokens.skipSpace();
      if (variable.kind !== 'variable') return { declares, assigns: false };
      const after = this.tokens.peek(this.tokens.peek(1).kind === 'space' ? 2 : 1);
      const isList = after.kind === 'char' && after.text === ',';
      if (!isList && after.kind !== 'declare' && after.kind !== 'assign') return { declares, assigns: false };
      this.tokens.next();
      this.tokens.skipSpace();
      this.tokens.next();
      declares.push(variable.text);
      this.variables.push(variable.text);
      if (!isList) return { declares, assigns: after.kind === 'assign' };
      if (context !== 'range' || declares.length > 1) this.tokens.fail(`too many declarations in ${context}`);
      if (!['variable', 'close', 'right-paren'].includes(this.tokens.skipSpace().kind))
        this.tokens.fail('range can only initialize variables');
    }
  }

  private command(): CommandNode {
    const pos = this.tokens.skipSpace().pos;
    const args: Operand[] = [];
    for (;;) {
      this.tokens.skipSpace();
      const operand = this.operand();
      if (operand !== undefined) args.push(operand);
      const token = this.tokens.peek();
      if (token.kind === 'space') continue;
      if (token.kind === 'pipe') this.tokens.next();
      else if (token.kind !== 'close' && token.kind !== 'right-paren') this.tokens.unexpected(token, 'operand');
      break;
    }
    if (args.length === 0) this.tokens.fail('empty command');
    return { kind: 'command', pos, args };
  }

  private operand(): Operand | undefined {
    const term = this.term();
    if (term === undefined || this.tokens.peek().kind !== 'field') return term;
    const pos = this.tokens.peek().pos;
    const names: string[] = [];
    while (this.tokens.peek().kind === 'field') names.push(this.tokens.next().text.slice(1));
    if (term.kind === 'field' || term.kind === 'variable')
      return { kind: term.kind, pos, names: [...term.names, ...names] };
    if (NOT_EXECUTABLE.has(term.kind)) this.tokens.fail(`unexpected . after term ${goQuote(expressionText(term))}`);
    return { kind: 'chain', pos, operand: term, names };
  }

  private term(): Operand | undefined {
    const token = this.tokens.peek();
    if (!OPERANDS.has(token.kind)) return undefined;
    this.tokens.next();
    const { pos, text } = token;
    switch (token.kind) {
      case 'dot':
        return { kind: 'dot', pos };
      case 'nil':
        return { kind: 'nil', pos };
      case 'bool':
        return { kind: 'bool', pos, value: text === 'true' };
      case 'field':
        return { kind: 'field', pos, names: [text.slice(1)] };
      case 'string':
      case 'raw-string':
        return { kind: 'string', pos, quoted: text, value: this.text(token) };
      case 'left-paren':
        return this.pipeline('parenthesized pipeline', 'right-paren');
      case 'identifier':
        if (!this.functions.has(text)) this.tokens.fail(`function ${goQuote(text)} not defined`, token);
        return { kind: 'identifier', pos, name: text };
      case 'variable':
        if (!this.variables.includes(text)) this.tokens.fail(`undefined variable ${goQuote(text)}`, token);
        return { kind: 'variable', pos, names: [text] };
      default:
        return { kind: 'number', pos, text, value: this.literal(token, numberLiteral) };
    }
  }

  /** The value of a string token. */
  text(token: Token): string {
    return this.literal(token, stringLiteral);
  }

  private literal<T>(token: Token, read: (token: Token) => T): T {
    try {
      return read(token);
    } catch (error) {
      if (error instanceof TsrunError) this.tokens.fail(error.message, token);
      throw error;
    }
  }
}
