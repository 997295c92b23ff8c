import type { ReactNode } from "react";

import { Graded, Panel, sessionPage } from "./Panel";
import type { CallState } from "./documents";
import { duration, percent, roughly, shortId } from "./format";
import { gradeLost, gradeMos, gradeSilence } from "./grades";
import { useWords } from "./useWords";
import type { ConsoleWords } from "./words";

/** The calls that run, and the latest that have ended. */
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
            <a href={sessionPage(call.id)} title={call.id}>
              {shortId(call.id)}
            </a>
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
