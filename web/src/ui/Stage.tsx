import type { ReactNode } from "react";

import { useLanguage } from "../hooks/useLanguage";
import type { VoiceHandle } from "../hooks/useVoiceConversation";
import { AvatarView } from "./AvatarView";
import { ErrorBoundary } from "./ErrorBoundary";

/** The face, the state of the call, and what is said right now. */
export function Stage({ call, children }: { call: VoiceHandle; children: ReactNode }): ReactNode {
  const { words } = useLanguage();
  const degraded = Object.keys(call.conversation.degraded).length > 0 || !call.sound;
  return (
    <section className="stage" data-state={call.state} aria-label={words.callArea}>
      <ErrorBoundary fallback={(_, retry) => <NoFace busy={call.busy} onRetry={retry} />}>
        <AvatarView source={call.voice.face} state={call.state} />
      </ErrorBoundary>
      <p className="state" role="status">
        <span className="dot" aria-hidden="true" />
        {words.states[call.state]}
        {degraded && call.connected && <span className="degraded">{` · ${words.withLimits}`}</span>}
      </p>
      <div className="foot">
        <LiveCaption call={call} />
        {children}
      </div>
    </section>
  );
}

function NoFace({ busy, onRetry }: { busy: boolean; onRetry: () => void }): ReactNode {
  const { words } = useLanguage();
  return (
    <div className="noface" role="alert">
      <p>
        <strong>{words.noFace}</strong> {busy ? words.callGoesOn : words.callAnyway}
      </p>
      <button type="button" className="quiet" onClick={onRetry}>
        {words.showFace}
      </button>
    </div>
  );
}

/** The end of what is being said. The whole conversation is beside it, for screen readers too. */
function LiveCaption({ call }: { call: VoiceHandle }): ReactNode {
  const message = call.conversation.messages.findLast(({ text }) => text !== "");
  const live = call.connected && message && (!message.done || call.state === "speaking");
  if (!live) return null;
  return (
    <p className="caption" data-speaker={message.speaker} aria-hidden="true">
      <span lang={message.language}>{lastWords(message.text)}</span>
    </p>
  );
}

const CAPTION_LENGTH = 140;

/** The end of a text, cut before a word where there are words: Chinese has no spaces. */
export function lastWords(text: string): string {
  if (text.length <= CAPTION_LENGTH) return text;
  const end = text.slice(-CAPTION_LENGTH);
  return `…${end.slice(Math.max(0, end.indexOf(" ")))}`;
}
