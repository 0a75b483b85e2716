import type { TsrunError } from '../../../errors/tsrun-error.ts';
import { type Expression, expressionText, type Node } from './ast.ts';
import { fault } from './fault.ts';
import { goQuote } from './quote.ts';

/** An error while the template runs: where, in Go's words. Lines count from 1, bytes from 0. */
export function faultAt(text: string, place: Node | Expression | undefined, name: string, message: string): TsrunError {
  const before = Buffer.from(text.slice(0, place?.pos ?? 0));
  const line = before.toString().split('\n').length;
  const column = before.length - (before.lastIndexOf('\n') + 1);
  const where = place === undefined ? '' : placeText(place);
  return fault(`template: :${line}:${column}: executing ${goQuote(name)} at <${where}>: ${message}`);
}

/** Pipes inside commands show their parentheses. */
export function placeText(node: Node | Expression): string {
  switch (node.kind) {
    case 'text':
      return goQuote(node.text);
    case 'break':
    case 'continue':
      return `{{${node.kind}}}`;
    case 'template':
      return `{{template ${node.quoted}${node.pipe === undefined ? '' : ` ${expressionText(node.pipe)}`}}}`;
    case 'action':
      return `{{${expressionText(node.pipe)}}}`;
    case 'if':
    case 'with':
    case 'range':
      return `{{${node.kind} ${expressionText(node.pipe)}}}`;
    default:
      return expressionText(node);
  }
}
