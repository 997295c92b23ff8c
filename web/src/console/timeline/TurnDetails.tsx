import type { ReactNode } from "react";

import { Graded, Panel } from "../Panel";
import type { Timeline, TurnEntry } from "../documents";
import { duration, moment, percent } from "../format";
import { useWords } from "../useWords";
import { type ConsoleWords, partName } from "../words";
import { stretchOf } from "./draw";
import { troubleText } from "./drawEvents";

interface Props {
  timeline: Timeline;
  turn: TurnEntry;
  onSelect: (turn: TurnEntry) => void;
}

/** One turn: where its silence comes from, what was said, and what happened meanwhile. */
export function TurnDetails({ timeline, turn, onSelect }: Props): ReactNode {
  const { words } = useWords();
  const at = timeline.turns.indexOf(turn);
  const step = (by: number, name: string, sign: string): ReactNode => {
    const other = timeline.turns[at + by];
    return (
      <button type="button" className="step" aria-label={name} disabled={!other} onClick={() => other && onSelect(other)}>
        {sign}
      </button>
    );
  };
  const aside = (
    <>
      <span className="tag">{words.outcomes[turn.outcome ?? ""]}</span>
      {step(-1, words.previousTurn, "‹")}
      {step(1, words.nextTurn, "›")}
    </>
  );
  return (
    <Panel title={`${words.turn(turn.number)} · ${moment(turn.start, 1)}`} aside={aside} className="details">
      <Verdict turn={turn} words={words} />
      <Said turn={turn} words={words} />
      {Object.keys(turn.parts).length > 0 && <Waterfall turn={turn} words={words} />}
      <Facts timeline={timeline} turn={turn} words={words} />
    </Panel>
  );
}

interface Of {
  turn: TurnEntry;
  words: ConsoleWords;
}

function Verdict({ turn: { silence, budget, over_budget, why, outcome, typed }, words }: Of): ReactNode {
  if (silence === null) {
    const text = why || (typed ? words.typedNoSilence : words.outcomes[outcome ?? ""]);
    return <p className={outcome === "unanswered" ? "notice problem" : "notice"}>{text}</p>;
  }
  const over = over_budget && budget !== null ? words.overBudget(duration(silence - budget), partName(words, over_budget)) : "";
  const within = budget === null ? "" : words.withinBudget(duration(budget));
  return (
    <p className="verdict">
      <strong>{words.silenceOf(duration(silence))}</strong>
      <Graded grade={over ? "poor" : "good"}>{over || within}</Graded>
    </p>
  );
}

function Said({ turn: { heard, said, confidence, language, rating }, words }: Of): ReactNode {
  const facts = [language, confidence === null ? "" : words.confidence(percent(confidence))].filter(Boolean).join(", ");
  return (
    <dl className="said">
      <dt>{words.heard}</dt>
      <dd>
        <span lang={language || undefined}>{heard || words.noWords}</span>
        {facts && <small>{facts}</small>}
      </dd>
      <dt>{words.said}</dt>
      <dd>
        <span lang={language || undefined}>{said || words.nothingSaid}</span>
        {rating !== 0 && <small>{`${words.rating}: ${rating > 0 ? words.good : words.bad}`}</small>}
      </dd>
    </dl>
  );
}

function Waterfall({ turn: { parts, silence, over_budget }, words }: Of): ReactNode {
  const whole = silence ?? Object.values(parts).reduce((sum, ms) => sum + ms, 0);
  const share = (ms: number): string => `${whole ? (ms / whole) * 100 : 0}%`;
  let before = 0;
  return (
    <table className="waterfall">
      <caption>{words.whereTimeWent}</caption>
      <thead className="hidden">
        <tr>
          <th scope="col">{words.part}</th>
          <th scope="col">{words.share}</th>
          <th scope="col">{words.duration}</th>
        </tr>
      </thead>
      <tbody>
        {Object.entries(parts).map(([part, ms]) => {
          const start = before;
          before += ms;
          return (
            <tr key={part} data-worst={part === over_budget}>
              <th scope="row">
                <span>{partName(words, part)}</span>
                <small>{words.parts[part]?.[1]}</small>
              </th>
              <td className="lane">
                <i data-part={part} style={{ marginInlineStart: share(start), inlineSize: share(ms) }} />
                <span className="hidden">{whole ? percent(ms / whole) : ""}</span>
              </td>
              <td className="number">{duration(ms)}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function Facts({ timeline, turn, words }: Of & { timeline: Timeline }): ReactNode {
  const { firsts, network, trace, voice_end } = turn;
  const first = Object.entries(firsts).sort(([, a], [, b]) => a - b);
  return (
    <div className="facts">
      {first.length > 0 && (
        <List title={`${words.firstOutputs}, ${words.afterVoice}`}>
          {first.map(([node, at]) => [node, signed(at - voice_end)])}
        </List>
      )}
      {Object.keys(network).length > 0 && (
        <List title={words.networkTitle}>
          {Object.entries(network).map(([name, ms]) => [words.network[name] ?? name.replaceAll("_", " "), duration(ms)])}
        </List>
      )}
      <Happened timeline={timeline} turn={turn} words={words} />
      {trace && (
        <p className="trace">
          {words.trace} <code>{trace}</code>
        </p>
      )}
    </div>
  );
}

function signed(ms: number): string {
  return ms < 0 ? `−${duration(-ms)}` : `+${duration(ms)}`;
}

function List({ title, children }: { title: string; children: readonly (readonly [name: string, value: string])[] }): ReactNode {
  return (
    <section>
      <h3>{title}</h3>
      <dl>
        {children.map(([name, value]) => (
          <div key={`${name} ${value}`}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

/** The decisions about the turn, and the troubles of its time. */
function Happened({ timeline, turn, words }: Of & { timeline: Timeline }): ReactNode {
  const { from, to } = stretchOf(timeline, turn);
  const decisions = timeline.causes
    .filter(({ cause, at }) => cause === turn.cause || (at >= from && at < turn.voice_end))
    .map(({ at, what, reason }) => [at, reason ? `${words.changes[what]} (${reason})` : words.changes[what]] as const);
  const troubles = timeline.troubles
    .filter(({ at }) => at >= from && at <= to)
    .map((trouble) => [trouble.at, troubleText(trouble, words)] as const);
  const all = [...decisions, ...troubles].sort(([a], [b]) => a - b);
  if (!all.length) return null;
  return (
    <section className="happened">
      <h3>{words.eventsOfTurn}</h3>
      <ol>
        {all.map(([at, text]) => (
          <li key={`${at} ${text}`}>
            <time>{moment(at, 2)}</time> {text}
          </li>
        ))}
      </ol>
    </section>
  );
}
