import type { ReactNode } from "react";

const WIDTH = 240;
const HEIGHT = 44;
const EDGE = 3;

interface Props {
  /** Null where nothing was measured. */
  values: readonly (number | null)[];
  label: string;
}

/** A small curve, from its lowest value to its highest; it is broken where values are missing. */
export function Sparkline({ values, label }: Props): ReactNode {
  const known = values.filter((value) => value !== null);
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const x = (n: number): number => EDGE + (n / Math.max(1, values.length - 1)) * (WIDTH - 2 * EDGE);
  const y = (value: number): number => {
    const share = high > low ? (value - low) / (high - low) : 0.5;
    return HEIGHT - EDGE - share * (HEIGHT - 2 * EDGE);
  };
  const runs = pieces(values).map((run) => run.map(([n, value]) => `${x(n).toFixed(1)} ${y(value).toFixed(1)}`));
  const last = values.findLastIndex((value) => value !== null);
  return (
    <svg className="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={label}>
      {runs.map((run) => (
        <path key={run[0]} d={`M${run.join(" L")}`} vectorEffect="non-scaling-stroke" />
      ))}
      {last >= 0 && <path className="end" d={`M${x(last)} ${y(values[last] ?? 0)} h0.01`} vectorEffect="non-scaling-stroke" />}
    </svg>
  );
}

/** The runs of known values, each with its place. */
export function pieces(values: readonly (number | null)[]): (readonly [n: number, value: number])[][] {
  const runs: (readonly [number, number])[][] = [];
  let run: (readonly [number, number])[] | null = null;
  values.forEach((value, n) => {
    if (value === null) return void (run = null);
    if (!run) runs.push((run = []));
    run.push([n, value]);
  });
  return runs;
}
