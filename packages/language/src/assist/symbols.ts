// The outline of a file.

import { typeText } from '../check/type.ts';
import type { Span } from '../source.ts';
import type { Item, Name, Parameter } from '../syntax/ast.ts';

export interface DocumentSymbol {
  readonly name: string;
  readonly kind:
    | 'function'
    | 'variable'
    | 'struct'
    | 'protocol'
    | 'server'
    | 'method'
    | 'field'
    | 'template'
    | 'config';
  readonly detail: string;
  /** All of it, and its name. */
  readonly span: Span;
  readonly nameSpan: Span;
  readonly children: readonly DocumentSymbol[];
}

/** Names that several items set appear once, where they are set first. */
export function documentSymbols(items: readonly Item[]): readonly DocumentSymbol[] {
  const variables = new Set<string>();
  return items.flatMap((item): DocumentSymbol[] => {
    switch (item.kind) {
      case 'function':
        return item.name === undefined
          ? []
          : [symbol('function', item.name, item.span, parameters(item.params))];
      case 'set':
        if (variables.has(item.name.text)) return [];
        variables.add(item.name.text);
        return [symbol('variable', item.name, item.span, item.type === undefined ? '' : typeText(item.type))];
      case 'struct-declaration':
        return [symbol('struct', item.name, item.span, '', item.fields.map(field))];
      case 'protocol': {
        const methods = item.methods.map(({ name, span, params }) =>
          symbol('method', name, span, parameters(params)),
        );
        return [symbol('protocol', item.name, item.span, '', methods)];
      }
      case 'server': {
        const receives = item.receives.map(({ name, span, params }) =>
          symbol('method', name, span, parameters(params)),
        );
        const members = [...item.state.map(field), ...receives];
        members.sort((a, b) => a.span.start - b.span.start);
        return [symbol('server', item.name, item.span, '', members)];
      }
      case 'template':
        return [symbol('template', { text: item.path, span: item.method.span }, item.span, item.method.text)];
      case 'config':
        return [symbol('config', { text: 'config', span: item.span }, item.span, '')];
      default:
        return [];
    }
  });
}

function symbol(
  kind: DocumentSymbol['kind'],
  name: Name,
  span: Span,
  detail: string,
  children: readonly DocumentSymbol[] = [],
): DocumentSymbol {
  return { kind, name: name.text === '' ? '?' : name.text, detail, span, nameSpan: name.span, children };
}

function field({
  name,
  type,
  span,
}: {
  readonly name: Name;
  readonly type: Parameters<typeof typeText>[0];
  readonly span: Span;
}): DocumentSymbol {
  return symbol('field', name, span, typeText(type));
}

function parameters(params: readonly Parameter[]): string {
  return `(${params.map(({ name }) => name.text).join(', ')})`;
}
