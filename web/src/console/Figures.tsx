import type { ReactNode } from "react";

import type { Console } from "./documents";
import { duration, median, percent, roughly } from "./format";
import { type Grade, gradeLag, gradeLoad, gradeSilence, gradeSuccess } from "./grades";
import { useWords } from "./useWords";
import { partName } from "./words";

/** The numbers to look at first: how long callers wait now, and how loaded the host is. */
export function Figures({ console: { at, host, turns } }: { console: Console }): ReactNode {
  const { words } = useWords();
  const silences = turns.map(({ silence }) => silence).filter((silence) => silence !== null);
  const middle = median(silences);
  const slowest = turns.reduce<Console["turns"][number] | null>(
    (worst, turn) => ((turn.silence ?? 0) > (worst?.silence ?? 0) ? turn : worst),
    null,
  );
  const part = slowest && largest(slowest.parts);
  const due = turns.filter(({ outcome }) => outcome !== "nothing_heard" && outcome !== "abandoned");
  const answered = due.length ? 1 - due.filter(({ outcome }) => outcome === "unanswered").length / due.length : null;
  const seats = host.sessions + host.seats_free;
  return (
    <section className="figures" aria-label={words.host}>
      <Figure name={words.medianSilence} value={middle === null ? words.none : duration(middle)} grade={gradeSilence(middle)}>
        {slowest?.silence && part ? words.slowestTurn(duration(slowest.silence), partName(words, part)) : null}
      </Figure>
      <Figure name={words.success} value={answered === null ? words.none : percent(answered)} grade={gradeSuccess(answered)}>
        {words.ofLatest(due.length)}
      </Figure>
      <Figure name={words.calls} value={String(host.sessions)} grade={host.ready ? "good" : "poor"} share={seats ? host.sessions / seats : 0}>
        {host.ready ? words.seatsFree(host.seats_free) : `${words.notReady}: ${host.reason}`}
      </Figure>
      <Figure name={words.cpu} value={percent(host.cpu)} grade={gradeLoad(host.cpu)} share={host.cpu} />
      <Figure name={words.memory} value={percent(host.memory)} grade={gradeLoad(host.memory)} share={host.memory}>
        {host.memory_step !== "none" && host.memory_step ? words.memoryStep(host.memory_step) : null}
      </Figure>
      <Figure name={words.lag} value={duration(host.lag * 1_000)} grade={gradeLag(host.lag)}>
        {`${words.up} ${roughly((at - host.began) * 1_000)} · ${words.version(host.version)}`}
      </Figure>
    </section>
  );
}

interface FigureProps {
  name: string;
  value: string;
  grade: Grade;
  /** Of what is full, 0 to 1: shown as a bar. */
  share?: number;
  children?: ReactNode;
}

function Figure({ name, value, grade, share, children }: FigureProps): ReactNode {
  return (
    <div className="card figure" data-grade={grade}>
      <span>{name}</span>
      <strong>{value}</strong>
      {share !== undefined && (
        <i className="meter" aria-hidden="true">
          <b style={{ inlineSize: `${Math.min(1, share) * 100}%` }} />
        </i>
      )}
      {children ? <small>{children}</small> : null}
    </div>
  );
}

/** The largest part of a turn. */
function largest(parts: Record<string, number>): string | null {
  return Object.entries(parts).reduce<[string, number] | null>(
    (best, [part, ms]) => (best && best[1] >= ms ? best : [part, ms]),
    null,
  )?.[0] ?? null;
}
