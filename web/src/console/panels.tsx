import type { ReactNode } from "react";

import type { AlertState, CallState, Console, LatestTurn, QualityPoint } from "./documents";
import { PARTS } from "./documents";
import { PartBar, PartLegend } from "./PartBar";
import { Sparkline } from "./Sparkline";
import { clock, duration, figure, percent, roughly } from "./format";
import { type Grade, gradeLost, gradeMos, gradeSilence } from "./grades";
import { useWords } from "./useWords";
import { type ConsoleWords, partName } from "./words";

/** A part of the page under a heading. */
export function Panel({ title, aside, className, children }: PanelProps): ReactNode {
  return (
    <section className={`card ${className ?? ""}`} aria-label={title}>
      <header>
        <h2>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  );
}

interface PanelProps {
  title: string;
  aside?: ReactNode;
  className?: string;
  children: ReactNode;
}

export function sessionPage(id: string): string {
  return `console/sessions/${encodeURIComponent(id)}`;
}

export function Alerts({ alerts, now }: { alerts: readonly AlertState[]; now: number }): ReactNode {
  const { words } = useWords();
  const firing = alerts.filter(({ cleared }) => cleared === null);
  const cleared = alerts.filter(({ cleared }) => cleared !== null);
  return (
    <Panel title={words.alerts} className="alerts" aside={firing.length > 0 && <small>{words.firing(firing.length)}</small>}>
      {firing.length === 0 && <p className="calm">{words.noAlerts}</p>}
      <ul>
        {[...firing, ...cleared].map((alert) => (
          <Alert key={`${alert.name} ${alert.since} ${Object.values(alert.labels).join()}`} alert={alert} now={now} />
        ))}
      </ul>
    </Panel>
  );
}

function Alert({ alert, now }: { alert: AlertState; now: number }): ReactNode {
  const { words, locale } = useWords();
  const { name, severity, summary, runbook, since, cleared, value, threshold, labels } = alert;
  const ago = roughly((now - (cleared ?? since)) * 1_000);
  return (
    <li data-severity={cleared === null ? severity : "cleared"}>
      <div>
        <strong>{name}</strong> <span className="tag">{words.severities[severity]}</span>
        {Object.entries(labels).map(([label, of]) => (
          <span className="tag" key={label}>
            {label} {label === "part" ? partName(words, of) : of}
          </span>
        ))}
      </div>
      <p>{summary}</p>
      <small>
        <time dateTime={new Date((cleared ?? since) * 1_000).toISOString()} title={clock(since, locale)}>
          {cleared === null ? words.since(ago) : words.clearedAgo(ago)}
        </time>
        {` · ${words.measured(figure(value), figure(threshold))}`}
        {cleared === null && runbook ? ` · ${words.runbook(runbook.replaceAll("-", " "))}` : null}
      </small>
    </li>
  );
}

export function Calls({ calls }: { calls: readonly CallState[] }): ReactNode {
  const { words } = useWords();
  const running = calls.filter(({ outcome }) => !outcome);
  const ended = calls.filter(({ outcome }) => outcome);
  return (
    <Panel title={words.calls} className="calls">
      <table>
        <thead>
          <tr>
            <th scope="col">{words.session}</th>
            <th scope="col" className="minor">
              {words.graph}
            </th>
            <th scope="col" className="number">
              {words.duration}
            </th>
            <th scope="col" className="number minor">
              {words.turns}
            </th>
            <th scope="col" className="number">
              {words.silence}
            </th>
            <th scope="col" className="minor">
              {words.sound}
            </th>
            <th scope="col">{words.state}</th>
          </tr>
        </thead>
        <CallRows calls={running} title={words.running} none={words.noCalls} words={words} />
        {ended.length > 0 && <CallRows calls={ended} title={words.endedCalls} none="" words={words} />}
      </table>
    </Panel>
  );
}

interface RowsProps {
  calls: readonly CallState[];
  title: string;
  none: string;
  words: ConsoleWords;
}

function CallRows({ calls, title, none, words }: RowsProps): ReactNode {
  return (
    <tbody>
      <tr className="group">
        <th scope="rowgroup" colSpan={7}>
          {title}
          {calls.length === 0 && <span>{none}</span>}
        </th>
      </tr>
      {calls.map((call) => (
        <tr key={call.id}>
          <th scope="row">
            <a href={sessionPage(call.id)}>{call.id}</a>
          </th>
          <td className="minor">{call.graph}</td>
          <td className="number">{roughly(call.duration)}</td>
          <td className="number minor">{call.turns}</td>
          <td className="number">
            <Graded grade={gradeSilence(call.silence)}>{call.silence === null ? words.none : duration(call.silence)}</Graded>
          </td>
          <td className="minor">
            <SoundOf call={call} words={words} />
          </td>
          <td>
            <StateOf call={call} words={words} />
          </td>
        </tr>
      ))}
    </tbody>
  );
}

export function Graded({ grade, children }: { grade: Grade; children: ReactNode }): ReactNode {
  return (
    <span className="graded" data-grade={grade}>
      {children}
    </span>
  );
}

function SoundOf({ call: { lost, mos }, words }: { call: CallState; words: ConsoleWords }): ReactNode {
  if (lost === null && mos === null) return words.none;
  return (
    <>
      {mos !== null && <Graded grade={gradeMos(mos)}>{words.mos(mos.toFixed(1))}</Graded>}
      {lost !== null && lost >= 0.005 && (
        <>
          {" · "}
          <Graded grade={gradeLost(lost)}>{words.lost(percent(lost))}</Graded>
        </>
      )}
    </>
  );
}

function StateOf({ call, words }: { call: CallState; words: ConsoleWords }): ReactNode {
  const state = call.outcome ? words.callOutcome(call.outcome) : call.connected ? words.inCall : words.connecting;
  const bad = call.outcome === "failed";
  return (
    <>
      <Graded grade={bad ? "poor" : "good"}>{state}</Graded>
      {call.fallbacks.length > 0 && <span className="tag fallback">{words.fallbackFor(call.fallbacks.join(", "))}</span>}
      {call.recorded && <span className="tag">{words.recorded}</span>}
      {call.reason && <small className="reason">{call.reason}</small>}
    </>
  );
}

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
      <a href={`${sessionPage(session)}#turn-${number}`}>
        {session} <span>#{number}</span>
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

/** The largest part of a turn. */
export function largest(parts: Console["turns"][number]["parts"]): string | null {
  return Object.entries(parts).reduce<[string, number] | null>(
    (best, [part, ms]) => (best && best[1] >= ms ? best : [part, ms]),
    null,
  )?.[0] ?? null;
}
