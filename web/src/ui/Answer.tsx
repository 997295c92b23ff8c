import type { ReactNode } from "react";

import type { Message } from "../core/messages";
import type { Rating, Turn } from "../core/protocol";
import { useLanguage } from "../hooks/useLanguage";
import { ThumbIcon } from "./icons";

interface Props {
  message: Message;
  connected: boolean;
  onRate: (response: string, value: Rating["value"]) => void;
}

/** An answer: what was heard of it, what an interruption cut off, how long it took, and what one thinks of it. */
export function Answer({ message, connected, onRate }: Props): ReactNode {
  const { words } = useLanguage();
  const { text, cut, interrupted, done, response, rating, turn } = message;
  return (
    <article className="message" data-speaker="assistant" data-done={done}>
      <h2>Vitagraph</h2>
      <p lang={message.language}>
        {text}
        {cut && (
          <>
            <span className="hidden">
              {` ${words.notHeard} `}
            </span>
            <s>{cut}</s>
          </>
        )}
        {interrupted && !cut && "…"}
      </p>
      <footer>
        {interrupted && <span className="tag">{words.interrupted}</span>}
        {typeof turn?.silence === "number" && <Latency turn={turn} silence={turn.silence} />}
        {done && response && (
          <Thumbs rating={rating} enabled={connected} onRate={(value) => onRate(response, value)} />
        )}
      </footer>
    </article>
  );
}

function Latency({ turn, silence }: { turn: Turn; silence: number }): ReactNode {
  const { words } = useLanguage();
  const parts = Object.entries(words.stages).flatMap(([name, what]) => {
    const ms = turn.parts[name] ?? 0;
    return ms > 0 ? [{ name, what, ms }] : [];
  });
  return (
    <details className="latency">
      <summary>{words.answeredIn(seconds(silence))}</summary>
      <ol>
        {parts.map(({ name, what, ms }) => (
          <li key={name}>
            <span className="part" style={{ inlineSize: `${Math.max(1, (100 * ms) / silence)}%` }} aria-hidden="true" />
            {what} <span className="ms">{Math.round(ms)} ms</span>
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
  const { words } = useLanguage();
  return (
    <span className="thumbs" role="group" aria-label={words.rate}>
      {([1, -1] as const).map((value) => (
        <button
          key={value}
          type="button"
          aria-pressed={rating === value}
          disabled={!enabled}
          onClick={() => onRate(value)}
        >
          <ThumbIcon down={value === -1} />
          <span className="hidden">{value === 1 ? words.good : words.bad}</span>
        </button>
      ))}
    </span>
  );
}
