import type { ReactNode } from "react";

import type { Message } from "../core/messages";
import type { Rating, Turn } from "../core/protocol";
import { ThumbIcon } from "./icons";

interface Props {
  message: Message;
  connected: boolean;
  onRate: (response: string, value: Rating["value"]) => void;
}

/** An answer: what was heard of it, what an interruption cut off, how long it took, and what one thinks of it. */
export function Answer({ message, connected, onRate }: Props): ReactNode {
  const { text, cut, interrupted, done, response, rating, turn } = message;
  return (
    <article className="message" data-speaker="assistant" data-done={done}>
      <h2>Vitagraph</h2>
      <p>
        {text}
        {cut && (
          <>
            <span className="hidden"> Not heard: </span>
            <s>{cut}</s>
          </>
        )}
        {interrupted && !cut && "…"}
      </p>
      <footer>
        {interrupted && <span className="tag">interrupted</span>}
        {typeof turn?.silence === "number" && <Latency turn={turn} silence={turn.silence} />}
        {done && response && (
          <Thumbs rating={rating} enabled={connected} onRate={(value) => onRate(response, value)} />
        )}
      </footer>
    </article>
  );
}

/** What each stage of a turn does, in order. */
const STAGES: readonly [name: string, words: string][] = [
  ["decided", "noticing that you had finished"],
  ["transcript", "understanding the words"],
  ["text", "thinking of an answer"],
  ["sentence", "finishing a first sentence"],
  ["speech", "making the voice"],
  ["playing", "sending the sound"],
  ["audible", "first audible sound"],
];

function Latency({ turn, silence }: { turn: Turn; silence: number }): ReactNode {
  const parts = STAGES.flatMap(([name, words]) => {
    const ms = turn.parts[name] ?? 0;
    return ms > 0 ? [{ name, words, ms }] : [];
  });
  return (
    <details className="latency">
      <summary>answered in {seconds(silence)}</summary>
      <ol>
        {parts.map(({ name, words, ms }) => (
          <li key={name}>
            <span className="part" style={{ inlineSize: `${Math.max(1, (100 * ms) / silence)}%` }} aria-hidden="true" />
            {words} <span className="ms">{Math.round(ms)} ms</span>
          </li>
        ))}
      </ol>
    </details>
  );
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(ms < 995 ? 2 : 1)} s`;
}

interface ThumbsProps {
  rating: Rating["value"] | null;
  enabled: boolean;
  onRate: (value: Rating["value"]) => void;
}

function Thumbs({ rating, enabled, onRate }: ThumbsProps): ReactNode {
  return (
    <span className="thumbs" role="group" aria-label="Rate this answer">
      {([1, -1] as const).map((value) => (
        <button
          key={value}
          type="button"
          aria-pressed={rating === value}
          disabled={!enabled}
          onClick={() => onRate(value)}
        >
          <ThumbIcon down={value === -1} />
          <span className="hidden">{value === 1 ? "Good answer" : "Bad answer"}</span>
        </button>
      ))}
    </span>
  );
}
