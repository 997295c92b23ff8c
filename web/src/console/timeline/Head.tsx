import type { ReactNode } from "react";

import type { Timeline } from "../documents";
import { clock, duration, median } from "../format";
import { useWords } from "../useWords";

/** What the session was, in one line of figures. */
export function Head({ timeline }: { timeline: Timeline }): ReactNode {
  const { words, locale } = useWords();
  const { graph, began, duration: length, outcome, reason, turns, left_out, kind } = timeline;
  const silence = median(turns.map(({ silence }) => silence).filter((silence) => silence !== null));
  const over = turns.filter(({ over_budget }) => over_budget).length;
  const unanswered = turns.filter(({ outcome }) => outcome === "unanswered").length;
  const facts: [string, string, boolean][] = [
    [words.graph, graph, false],
    [words.began, clock(began, locale), false],
    [words.duration, duration(length), false],
    [words.turns, String(turns.length), false],
    [words.medianSilence, silence === null ? words.none : duration(silence), false],
    [words.overBudgetTurns, String(over), over > 0],
    [words.withoutAnswer, String(unanswered), unanswered > 0],
    [words.state, outcome ? `${kind === "replay" ? words.replay : words.call} · ${words.callOutcome(outcome)}` : words.running, false],
  ];
  return (
    <>
      <section className="card head" aria-label={words.session}>
        <dl>
          {facts.map(([name, value, bad]) => (
            <div key={name} data-grade={bad ? "poor" : undefined}>
              <dt>{name}</dt>
              <dd>{value}</dd>
              {name === words.state && reason && <dd className="reason">{reason}</dd>}
            </div>
          ))}
        </dl>
        {!outcome && <p>{words.goesOn}</p>}
      </section>
      {left_out > 0 && <p className="notice">{words.leftOut(left_out)}</p>}
    </>
  );
}
