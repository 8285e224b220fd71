// A metric family and how it is written down. Values are read when somebody scrapes.

import type { HistogramFigures } from './histogram.ts';

export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

export type Family =
  | {
      readonly kind: 'counter' | 'gauge';
      readonly name: string;
      readonly help: string;
      readonly samples: () => readonly Sample[];
    }
  | {
      readonly kind: 'histogram';
      readonly name: string;
      readonly help: string;
      readonly histograms: () => readonly { readonly labels: Labels; readonly histogram: HistogramFigures }[];
    };

type Samples = () => readonly Sample[];

export function counter(name: string, help: string, samples: Samples): Family {
  return { kind: 'counter', name, help, samples };
}

export function gauge(name: string, help: string, samples: Samples): Family {
  return { kind: 'gauge', name, help, samples };
}

export function histogram(name: string, help: string, read: () => HistogramFigures): Family {
  return { kind: 'histogram', name, help, histograms: () => [{ labels: {}, histogram: read() }] };
}

export function one(value: number): readonly Sample[] {
  return [{ labels: {}, value }];
}

export function by(label: string, values: Readonly<Record<string, number>>): readonly Sample[] {
  return Object.entries(values).map(([word, value]) => ({ labels: { [label]: word }, value }));
}
