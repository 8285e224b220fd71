import { RuntimeFailure } from '../failure.ts';
import { asNumber, type MethodRow } from './row.ts';

const MAX_DECIMALS = 15;

/** `toFixed` of JavaScript changes to exponents at 1e21. */
function toFixed(value: number, decimals: number): string {
  if (Math.abs(value) < 1e21) return value.toFixed(decimals);
  return decimals === 0 ? String(BigInt(value)) : `${BigInt(value)}.${'0'.repeat(decimals)}`;
}

export const NUMBER_METHODS: readonly MethodRow<number>[] = [
  { name: 'abs', min: 0, max: 0, doc: 'Without its sign.', run: (_, self) => Math.abs(self) },
  { name: 'floor', min: 0, max: 0, doc: 'The next whole number below.', run: (_, self) => Math.floor(self) },
  { name: 'ceil', min: 0, max: 0, doc: 'The next whole number above.', run: (_, self) => Math.ceil(self) },
  {
    name: 'round',
    min: 0,
    max: 0,
    doc: 'The nearest whole number; halves away from zero.',
    run: (_, self) => Math.sign(self) * Math.round(Math.abs(self)),
  },
  {
    name: 'to_fixed',
    min: 1,
    max: 1,
    doc: 'As text with exactly that many decimals, 0 to 15.',
    run: (_, self, count) => {
      const decimals = Math.trunc(asNumber('to_fixed', count));
      if (decimals < 0 || decimals > MAX_DECIMALS)
        throw new RuntimeFailure('to_fixed expects 0 to 15 decimals');
      return toFixed(self, decimals);
    },
  },
];
