import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { linkedTrace } from './trace-link.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

describe('the header traceparent', () => {
  for (const header of [`00-${TRACE}-${SPAN}-01`, `00-${TRACE}-${SPAN}-00`, `cc-${TRACE}-${SPAN}-01-what`]) {
    it(`links the call: ${header}`, () => {
      assert.deepEqual(linkedTrace({ traceparent: header }), { traceId: TRACE, spanId: SPAN });
    });
  }

  for (const [why, header] of [
    ['is not there', undefined],
    ['is empty', ''],
    ['names no trace', `00-${'0'.repeat(32)}-${SPAN}-01`],
    ['names no span', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['is of the version that must not be', `ff-${TRACE}-${SPAN}-01`],
    ['goes on in version 00', `00-${TRACE}-${SPAN}-01-what`],
    ['has capital letters', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
    ['came twice', `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`],
    ['is too long', `cc-${TRACE}-${SPAN}-01-${'x'.repeat(201)}`],
  ] as const) {
    it(`says nothing if it ${why}`, () => {
      assert.equal(linkedTrace(header === undefined ? {} : { traceparent: header }), undefined);
    });
  }
});
