// The receiving half of interning. What a text stands for is built and checked once, when it is defined; every use of its number gives the
// same object again.

import type { NodeAddress } from './address.ts';
import { homeAddress, isName, isNodeId, mainAddress } from './address.ts';
import type { TextKind } from './binary-layout.ts';
import { DEFINES, TEXT_KIND } from './binary-layout.ts';
import type { Caller } from './call.ts';
import { CALLER_KINDS, REQUEST_LIMITS } from './call-json.ts';
import type { FrameReader } from './frame-reader.ts';
import { TEXT_BYTES } from './interning-writer.ts';
import { asOneOf, malformed } from './json-fields.ts';
import { INTERNED_TEXTS } from './limits.ts';

export class InterningReader {
  readonly #kinds: number[] = [0];
  readonly #values: unknown[] = [undefined];

  address(reader: FrameReader, field: string): NodeAddress {
    return this.#read(reader, TEXT_KIND.address, field) as NodeAddress;
  }

  name(reader: FrameReader, field: string): string {
    return this.#read(reader, TEXT_KIND.name, field) as string;
  }

  nodeId(reader: FrameReader, field: string): string {
    return this.#read(reader, TEXT_KIND.nodeId, field) as string;
  }

  caller(reader: FrameReader, field: string): Caller {
    return this.#read(reader, TEXT_KIND.caller, field) as Caller;
  }

  text(reader: FrameReader, field: string): string {
    return this.#read(reader, TEXT_KIND.text, field) as string;
  }

  #read(reader: FrameReader, kind: TextKind, field: string): unknown {
    const reference = reader.u16(field);
    if (reference < DEFINES) {
      if (this.#kinds[reference] !== kind) malformed(field, `unknown id ${reference}`);
      return this.#values[reference];
    }
    const id = reference - DEFINES;
    if (id > INTERNED_TEXTS) malformed(field, `id ${id} is above ${INTERNED_TEXTS}`);
    const value = build(kind, reader.text(field, TEXT_BYTES[kind]), field);
    if (id > 0) {
      this.#kinds[id] = kind;
      this.#values[id] = value;
    }
    return value;
  }
}

function build(kind: TextKind, text: string, field: string): unknown {
  switch (kind) {
    case TEXT_KIND.address:
      return addressFromText(text) ?? malformed(field, 'is no address');
    case TEXT_KIND.name:
      return isName(text) ? text : malformed(field, 'is no name');
    case TEXT_KIND.nodeId:
      return isNodeId(text) ? text : malformed(field, 'is no node id');
    case TEXT_KIND.caller:
      return callerFromText(text, field);
    case TEXT_KIND.text:
      return text;
  }
}

/** `main:ID`, `home:ID` or `home:ID@MAIN`. */
function addressFromText(text: string): NodeAddress | undefined {
  const type = text.slice(0, 5);
  const rest = text.slice(5);
  if (type === 'main:') return isNodeId(rest) ? mainAddress(rest) : undefined;
  if (type !== 'home:') return undefined;
  const at = rest.indexOf('@');
  if (at < 0) return isNodeId(rest) ? homeAddress(rest) : undefined;
  const id = rest.slice(0, at);
  const main = rest.slice(at + 1);
  return isNodeId(id) && isNodeId(main) ? homeAddress(id, main) : undefined;
}

/** `KIND NODE` or `KIND NODE SUBJECT`; the subject may hold spaces. */
function callerFromText(text: string, field: string): Caller {
  const first = text.indexOf(' ');
  const second = text.indexOf(' ', first + 1);
  const kind = asOneOf(text.slice(0, Math.max(0, first)), `${field}.kind`, CALLER_KINDS);
  const node = second < 0 ? text.slice(first + 1) : text.slice(first + 1, second);
  if (!isNodeId(node)) malformed(`${field}.node`, 'is no node id');
  if (second < 0) return { kind, node };
  const subject = text.slice(second + 1);
  if (subject.length > REQUEST_LIMITS.subjectChars) malformed(`${field}.subject`, 'is too long');
  return { kind, node, subject };
}
