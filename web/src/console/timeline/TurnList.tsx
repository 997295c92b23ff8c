import { type ReactNode, memo, useState } from "react";

import { PartBar } from "../PartBar";
import { Graded, Panel } from "../Panel";
import type { Timeline, TurnEntry } from "../documents";
import { duration, moment } from "../format";
import { gradeSilence } from "../grades";
import { useWords } from "../useWords";

interface Props {
  timeline: Timeline;
  selected: TurnEntry | null;
  onSelect: (turn: TurnEntry) => void;
}

/** All turns, each with its waterfall; one click goes there. */
export const TurnList = memo(function TurnList({ timeline: { turns }, selected, onSelect }: Props): ReactNode {
  const { words } = useWords();
  const [slowest, setSlowest] = useState(false);
  const shown = slowest ? turns.toSorted((a, b) => badness(b) - badness(a)) : turns;
  const scale = Math.max(2_000, ...turns.map(({ silence }) => silence ?? 0));
  const choice = (
    <div className="order" role="group" aria-label={words.sortTurns}>
      <button type="button" aria-pressed={!slowest} onClick={() => setSlowest(false)}>
        {words.byTime}
      </button>
      <button type="button" aria-pressed={slowest} onClick={() => setSlowest(true)}>
        {words.bySilence}
      </button>
    </div>
  );
  return (
    <Panel title={words.turns} aside={choice} className="turns">
      {turns.length === 0 && <p className="calm">{words.noTurns}</p>}
      <ol>
        {shown.map((turn) => (
          <li key={turn.number}>
            <button type="button" aria-current={turn.number === selected?.number} onClick={() => onSelect(turn)}>
              <Row turn={turn} scale={scale} />
            </button>
          </li>
        ))}
      </ol>
    </Panel>
  );
});

/** Turns without an answer are worse than any silence. */
export function badness({ silence, outcome }: TurnEntry): number {
  return outcome === "unanswered" ? Number.MAX_VALUE : (silence ?? -1);
}

function Row({ turn, scale }: { turn: TurnEntry; scale: number }): ReactNode {
  const { words } = useWords();
  const { number, start, silence, outcome, over_budget, rating, heard, typed, parts, budget } = turn;
  const lost = outcome === "unanswered" || outcome === "abandoned";
  return (
    <>
      <span className="when">
        <b>#{number}</b> {moment(start)}
      </span>
      <PartBar parts={parts} scale={scale} budget={budget} words={words} />
      <span className="number">
        {silence === null ? (
          <Graded grade={lost ? "poor" : "good"}>{words.outcomes[outcome ?? ""]}</Graded>
        ) : (
          <Graded grade={over_budget ? "poor" : gradeSilence(budget ? null : silence)}>{duration(silence)}</Graded>
        )}
      </span>
      <span className="words">
        {heard || words.noWords}
        {typed && <em>{words.typed}</em>}
        {outcome === "interrupted" && <em>{words.outcomes.interrupted}</em>}
        {rating !== 0 && <em>{rating > 0 ? `+1 ${words.good}` : `−1 ${words.bad}`}</em>}
      </span>
    </>
  );
}
