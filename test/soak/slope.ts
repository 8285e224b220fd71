// Does a series of measurements grow? A line through the points by least squares, and how sure we may be of its slope.

export interface Point {
  /** Seconds since the start. */
  readonly seconds: number;
  readonly value: number;
}

export interface Trend {
  readonly perHour: number;
  /** What the line rises by over the measured time, and the least that it rises by as far as the scatter lets us say. */
  readonly growth: number;
  readonly leastGrowth: number;
}

/** Standard errors to each side: about 99 % for the number of points that a soak has. */
const STANDARD_ERRORS = 2.6;
const SECONDS_PER_HOUR = 3_600;

/** Undefined for fewer than four points: a line through them would say nothing. */
export function trendOf(points: readonly Point[]): Trend | undefined {
  const count = points.length;
  if (count < 4) return undefined;
  const meanX = sum(points, ({ seconds }) => seconds) / count;
  const meanY = sum(points, ({ value }) => value) / count;
  const spread = sum(points, ({ seconds }) => (seconds - meanX) ** 2);
  if (spread === 0) return undefined;
  const slope = sum(points, ({ seconds, value }) => (seconds - meanX) * (value - meanY)) / spread;
  const residue = sum(points, ({ seconds, value }) => (value - meanY - slope * (seconds - meanX)) ** 2);
  const error = Math.sqrt(residue / (count - 2) / spread);
  const span = (points.at(-1)?.seconds ?? 0) - (points[0]?.seconds ?? 0);
  return {
    perHour: slope * SECONDS_PER_HOUR,
    growth: slope * span,
    leastGrowth: (slope - STANDARD_ERRORS * error) * span,
  };
}

function sum(points: readonly Point[], of: (point: Point) => number): number {
  return points.reduce((total, point) => total + of(point), 0);
}
