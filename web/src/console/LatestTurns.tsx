import type { ReactNode } from "react";

import { Graded, Panel, sessionPage } from "./Panel";
import { PartBar, PartLegend } from "./PartBar";
import { type LatestTurn, PARTS } from "./documents";
import { duration, roughly, shortId } from "./format";
import { gradeSilence } from "./grades";
import { useWords } from "./useWords";
import { type ConsoleWords, partName } from "./words";

/** The latest turns of all calls, each with its waterfall. */
export function LatestTurns({ turns, now }: { turns: readonly LatestTurn[]; now: number }): ReactNode {
  const { words } = useWords();
  const scale = Math.max(2_000, ...turns.map(({ silence }) => silence ?? 0));
  return (
    <Panel title={words.latestTurns} className="latest">
      {turns.length === 0 ? <p className="calm">{words.noTurns}</p> : <PartLegend parts={PARTS} words={words} />}
      <ol>
        {turns.map((turn) => (
          <Turn key={`${turn.session} ${turn.number}`} turn={turn} scale={scale} now={now} words={words} />
        ))}
      </ol>
    </Panel>
  );
}

interface TurnProps {
  turn: LatestTurn;
  scale: number;
  now: number;
  words: ConsoleWords;
}

function Turn({ turn, scale, now, words }: TurnProps): ReactNode {
  const { session, number, outcome, silence, parts, over_budget } = turn;
  const well = outcome === "answered" || outcome === "interrupted";
  const said = outcome in words.outcomes ? words.outcomes[outcome as keyof typeof words.outcomes] : outcome;
  return (
    <li>
      <span className="when">{words.ago(roughly((now - turn.at) * 1_000))}</span>
      <a href={`${sessionPage(session)}#turn-${number}`} title={session}>
        {shortId(session)} <span>#{number}</span>
      </a>
      <PartBar parts={parts} scale={scale} words={words} />
      <span className="number">
        <Graded grade={over_budget ? "poor" : gradeSilence(silence)}>{silence === null ? words.none : duration(silence)}</Graded>
      </span>
      <span className="note">
        {over_budget && <span className="tag poor">{words.slowest(partName(words, over_budget))}</span>}
        {outcome !== "answered" && <span className={well ? "tag" : "tag poor"}>{said}</span>}
      </span>
    </li>
  );
}
