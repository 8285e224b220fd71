// Names of exchanges on one link. In the JSON form they are texts, in the binary form numbers; canonical decimal text is the number.

import { asText, malformed, U32_MAX } from './json-fields.ts';
import type { CallId } from './message.ts';

const DECIMAL = /^(?:0|[1-9][0-9]{0,9})$/;

/** Reads `message_id` or `correlation_id`; 0 is possible and means that nothing is answered. */
export function callIdFromText(value: unknown, field: string): CallId {
  const text = asText(value, field, 64, 1);
  if (DECIMAL.test(text)) {
    const number = Number(text);
    if (number <= U32_MAX) return number;
  }
  return text;
}

/** Reads the id of an exchange, which is never 0. */
export function openCallIdFromText(value: unknown, field: string): CallId {
  const id = callIdFromText(value, field);
  if (id === 0) malformed(field, 'must not be 0');
  return id;
}

/** Checks an id that is to be written as text. */
export function callIdToText(id: CallId, field: string): string {
  if (typeof id === 'string') return asText(id, field, 64, 1);
  return String(callIdToNumber(id, field));
}

/** Checks an id that is to be written as a number. */
export function callIdToNumber(id: CallId, field: string): number {
  if (typeof id !== 'number' || id >>> 0 !== id) malformed(field, `must be a whole number up to ${U32_MAX}`);
  return id;
}
