import type { BranchNode, Node, PipeNode } from './ast.ts';
import { ExpressionParser, type TokenReader } from './expression-parser.ts';
import { fault } from './fault.ts';
import { type Token, tokenize } from './lexer.ts';
import { goQuote } from './quote.ts';

/** A parsed template: what to run, and the templates it defines by name. */
export interface ParsedTemplate {
  readonly text: string;
  readonly root: readonly Node[];
  readonly defined: ReadonlyMap<string, readonly Node[]>;
}

/** What closes a list: `{{end}}`, or `{{else}}` with what may follow it. */
type Closer = 'end' | 'else' | 'else if' | 'else with';

class Parser implements TokenReader {
  readonly defined = new Map<string, readonly Node[]>();
  private readonly expressions: ExpressionParser;
  private readonly tokens: readonly Token[];
  private at = 0;
  private rangeDepth = 0;
  private actionLine = 0;

  constructor(text: string, functions: ReadonlySet<string>) {
    this.tokens = tokenize(text);
    this.expressions = new ExpressionParser(this, functions);
  }

  peek(offset = 0): Token {
    const last = this.tokens.length - 1;
    return this.tokens[Math.min(this.at + offset, last)] as Token;
  }

  next(): Token {
    const token = this.peek();
    this.at = Math.min(this.at + 1, this.tokens.length);
    return token;
  }

  skipSpace(): Token {
    while (this.peek().kind === 'space') this.at++;
    return this.peek();
  }

  fail(message: string, token: Token = this.peek()): never {
    throw fault(`template: :${token.line}: ${message}`);
  }

  unexpected(token: Token, context: string): never {
    if (token.kind !== 'error') this.fail(`unexpected ${tokenName(token)} in ${context}`, token);
    const elsewhere = this.actionLine !== 0 && this.actionLine !== token.line;
    const started = token.text.endsWith(' action') ? ' started at' : ' in action started at';
    this.fail(token.text + (elsewhere ? `${started} :${this.actionLine}` : ''), token);
  }

  expect(kind: Token['kind'], context: string): Token {
    const token = this.skipSpace();
    if (token.kind !== kind) this.unexpected(token, context);
    return this.next();
  }

  whole(): readonly Node[] {
    const root: Node[] = [];
    while (this.peek().kind !== 'eof') {
      if (this.keywordAhead() === 'define') this.define();
      else this.add(root);
    }
    return root;
  }

  /** The keyword of the action that begins here. */
  private keywordAhead(): string {
    if (this.peek().kind !== 'open') return '';
    const token = this.peek(this.peek(1).kind === 'space' ? 2 : 1);
    return token.kind === 'keyword' ? token.text : '';
  }

  private add(list: Node[]): void {
    const node = this.textOrAction();
    if (typeof node === 'string') this.fail(`unexpected {{${node.split(' ')[0]}}}`);
    list.push(node);
  }

  private textOrAction(): Node | Closer {
    const token = this.next();
    if (token.kind === 'text') return { kind: 'text', pos: token.pos, text: token.text };
    if (token.kind !== 'open') this.unexpected(token, 'input');
    this.actionLine = token.line;
    const node = this.action();
    this.actionLine = 0;
    return node;
  }

  private action(): Node | Closer {
    const token = this.skipSpace();
    if (token.kind === 'keyword') {
      switch (token.text) {
        case 'if':
        case 'with':
        case 'range':
          this.next();
          return this.branch(token.text, token.pos);
        case 'else':
          this.next();
          return this.otherwise();
        case 'end':
          this.next();
          this.expect('close', 'end');
          return 'end';
        case 'break':
        case 'continue':
          this.next();
          return this.jump(token.text, token);
        case 'template':
          this.next();
          return this.call();
        case 'block':
          this.next();
          return this.block(token.pos);
      }
    }
    return { kind: 'action', pos: token.pos, pipe: this.expressions.pipeline('command', 'close') };
  }

  private branch(kind: BranchNode['kind'], pos: number): Node {
    const outer = this.expressions.variables.length;
    const pipe = this.expressions.pipeline(kind, 'close');
    if (kind === 'range') this.rangeDepth++;
    const [list, closer] = this.list();
    if (kind === 'range') this.rangeDepth--;
    const otherwise = closer === 'end' ? undefined : this.otherwiseList(kind, closer);
    this.expressions.variables.length = outer;
    return { kind, pos, pipe, list, otherwise };
  }

  private otherwiseList(kind: BranchNode['kind'], closer: Closer): readonly Node[] {
    const pos = this.peek().pos;
    if (closer !== 'else') {
      const nested = closer === 'else if' ? 'if' : 'with';
      if (nested !== kind) this.fail(`unexpected <${nested}> in input`);
      this.next();
      return [this.branch(nested, pos)];
    }
    const [list, last] = this.list();
    if (last !== 'end') this.fail('expected end; found {{else}}');
    return list;
  }

  /** After `else`: the keyword that may follow stays for the caller. */
  private otherwise(): Closer {
    const token = this.skipSpace();
    if (token.kind === 'keyword' && (token.text === 'if' || token.text === 'with')) return `else ${token.text}`;
    this.expect('close', 'else');
    return 'else';
  }

  private list(): [Node[], Closer] {
    const nodes: Node[] = [];
    while (this.skipSpace().kind !== 'eof') {
      const node = this.textOrAction();
      if (typeof node === 'string') return [nodes, node];
      nodes.push(node);
    }
    this.fail('unexpected EOF');
  }

  private jump(kind: 'break' | 'continue', token: Token): Node {
    const after = this.skipSpace();
    if (after.kind !== 'close') this.unexpected(after, `{{${kind}}}`);
    this.next();
    if (this.rangeDepth === 0) this.fail(`{{${kind}}} outside {{range}}`, token);
    return { kind, pos: token.pos };
  }

  private call(): Node {
    const name = this.templateName('template clause');
    const hasPipe = this.skipSpace().kind !== 'close';
    const pipe = hasPipe ? this.expressions.pipeline('template clause', 'close') : this.close();
    return { kind: 'template', pos: name.token.pos, name: name.value, quoted: goQuote(name.value), pipe };
  }

  private close(): undefined {
    this.next();
    return undefined;
  }

  private templateName(context: string): { token: Token; value: string } {
    const token = this.skipSpace();
    if (token.kind !== 'string' && token.kind !== 'raw-string') this.unexpected(token, context);
    this.next();
    return { token, value: this.expressions.text(token) };
  }

  private define(): void {
    this.next();
    this.skipSpace();
    this.next();
    const { value } = this.templateName('define clause');
    this.expect('close', 'define clause');
    this.body(value, 'define clause');
  }

  private block(pos: number): Node {
    const name = this.templateName('block clause');
    const pipe: PipeNode = this.expressions.pipeline('block clause', 'close');
    this.body(name.value, 'block clause');
    return { kind: 'template', pos, name: name.value, quoted: goQuote(name.value), pipe };
  }

  /** A definition sees none of the variables around it. */
  private body(name: string, context: string): void {
    const outer = this.expressions.variables;
    const depth = this.rangeDepth;
    this.expressions.variables = ['$'];
    this.rangeDepth = 0;
    const [list, closer] = this.list();
    if (closer !== 'end') this.fail(`unexpected {{else}} in ${context}`);
    this.expressions.variables = outer;
    this.rangeDepth = depth;
    const before = this.defined.get(name);
    if (before === undefined || isEmpty(before)) this.defined.set(name, list);
    else if (!isEmpty(list)) this.fail(`template: multiple definition of template ${goQuote(name)}`);
  }
}

/** Nothing but blanks: such a definition may be replaced. */
function isEmpty(list: readonly Node[]): boolean {
  return list.every((node) => node.kind === 'text' && node.text.trim() === '');
}

function tokenName(token: Token): string {
  if (token.kind === 'eof') return 'EOF';
  if (token.kind === 'keyword' || token.kind === 'dot' || token.kind === 'nil') return `<${token.text}>`;
  const runes = Array.from(token.text);
  return runes.length > 10 ? `${goQuote(runes.slice(0, 10).join(''))}...` : goQuote(token.text);
}

/** Parses a Go template; `functions` are the names it may call. Throws TsrunError('usage', 'template: :LINE: …'). */
export function parseTemplate(text: string, functions: ReadonlySet<string>): ParsedTemplate {
  const parser = new Parser(text, functions);
  const root = parser.whole();
  return { text, root, defined: parser.defined };
}
