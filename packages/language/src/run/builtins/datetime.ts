import { chargeBytes } from '../budget.ts';
import { formatDatetime, isoText } from '../datetime.ts';
import { utf8Length } from '../text.ts';
import type { DatetimeValue } from '../value.ts';
import { asString, type MethodRow } from './row.ts';

export const DATETIME_METHODS: readonly MethodRow<DatetimeValue>[] = [
  {
    name: 'format',
    min: 1,
    max: 1,
    doc: 'As text: YYYY MM DD HH mm ss in the pattern are replaced.',
    run: (message, self, pattern) => {
      const text = asString('format', pattern);
      chargeBytes(message, utf8Length(text));
      return formatDatetime(self, text);
    },
  },
  { name: 'toISOString', min: 0, max: 0, doc: 'The ISO text.', run: (_, self) => isoText(self) },
];
