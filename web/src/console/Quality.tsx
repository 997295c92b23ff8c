import type { ReactNode } from "react";

import { Panel } from "./Panel";
import { Sparkline } from "./Sparkline";
import type { QualityPoint } from "./documents";
import { clock, duration, percent } from "./format";
import { useWords } from "./useWords";

/** How the quality of sessions goes up and down. */
export function Quality({ quality }: { quality: readonly QualityPoint[] }): ReactNode {
  const { words, locale } = useWords();
  const [first, last] = [quality[0], quality.at(-1)];
  const trends = [
    [words.medianSilence, quality.map(({ silence }) => silence), duration],
    [words.success, quality.map(({ success }) => success), percent],
    [words.mosTrend, quality.map(({ mos }) => mos), (mos: number) => mos.toFixed(2)],
  ] as const;
  return (
    <Panel title={words.quality} className="quality">
      {(!first || !last) && <p className="calm">{words.noQuality}</p>}
      {first && last && trends.map(([name, values, form]) => <Trend key={name} name={name} values={values} form={form} />)}
      {first && last && (
        <small className="span">
          <span>{clock(first.at, locale)}</span>
          <span>{clock(last.at, locale)}</span>
        </small>
      )}
    </Panel>
  );
}

interface TrendProps {
  name: string;
  values: readonly (number | null)[];
  form: (value: number) => string;
}

function Trend({ name, values, form }: TrendProps): ReactNode {
  const { words } = useWords();
  const known = values.filter((value) => value !== null);
  const last = known.at(-1);
  if (last === undefined) return null;
  const [low, high] = [form(Math.min(...known)), form(Math.max(...known))];
  return (
    <div className="trend">
      <span>{name}</span>
      <strong>{form(last)}</strong>
      <Sparkline values={values} label={words.sparkline(name, form(last), low, high)} />
      <small>{words.range(low, high)}</small>
    </div>
  );
}
