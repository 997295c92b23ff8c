import type { ReactNode } from "react";

import { duration } from "./format";
import { type ConsoleWords, partName } from "./words";

interface Props {
  parts: Record<string, number>;
  /** What the whole width stands for, in milliseconds. */
  scale: number;
  budget?: number | null;
  words: ConsoleWords;
}

/** The silence of a turn as a bar of its parts; a line marks the budget. */
export function PartBar({ parts, scale, budget = null, words }: Props): ReactNode {
  const shown = Object.entries(parts).filter(([, ms]) => ms > 0);
  if (!shown.length) return <span className="parts" aria-hidden="true" />;
  const label = shown.map(([part, ms]) => `${partName(words, part)} ${duration(ms)}`).join(", ");
  const width = (ms: number): string => `${Math.min(100, (ms / scale) * 100)}%`;
  return (
    <span className="parts" role="img" aria-label={label} title={label}>
      {shown.map(([part, ms]) => (
        <i key={part} data-part={part} style={{ inlineSize: width(ms) }} />
      ))}
      {budget !== null && budget < scale && <b style={{ insetInlineStart: width(budget) }} />}
    </span>
  );
}

/** What the colours mean. */
export function PartLegend({ parts, words }: { parts: readonly string[]; words: ConsoleWords }): ReactNode {
  return (
    <ul className="legend" aria-label={words.legend}>
      {parts.map((part) => (
        <li key={part} title={words.parts[part]?.[1]}>
          <i data-part={part} />
          {partName(words, part)}
        </li>
      ))}
    </ul>
  );
}
