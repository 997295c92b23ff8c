import type { ReactNode } from "react";

import type { CallState } from "../core/voiceConversation";
import type { VoiceHandle } from "../hooks/useVoiceConversation";
import { AvatarView } from "./AvatarView";
import { ErrorBoundary } from "./ErrorBoundary";

/** The state of the call, in the words of the page. */
const WORDS: Record<CallState, string> = {
  idle: "Ready to call",
  calling: "Calling…",
  reconnecting: "Reconnecting…",
  failed: "Not connected",
  listening: "Listening",
  hearing: "Hearing you",
  thinking: "Thinking",
  speaking: "Speaking",
};

/** The face, the state of the call, and what is said right now. */
export function Stage({ call, children }: { call: VoiceHandle; children: ReactNode }): ReactNode {
  const degraded = Object.keys(call.conversation.degraded).length > 0 || !call.sound;
  return (
    <section className="stage" data-state={call.state} aria-label="Call">
      <ErrorBoundary fallback={(_, retry) => <NoFace busy={call.busy} onRetry={retry} />}>
        <AvatarView source={call.voice.face} state={call.state} />
      </ErrorBoundary>
      <p className="state" role="status">
        <span className="dot" aria-hidden="true" />
        {WORDS[call.state]}
        {degraded && call.connected && <span className="degraded"> · with limits</span>}
      </p>
      <div className="foot">
        <LiveCaption call={call} />
        {children}
      </div>
    </section>
  );
}

function NoFace({ busy, onRetry }: { busy: boolean; onRetry: () => void }): ReactNode {
  return (
    <div className="noface" role="alert">
      <p>
        <strong>The face cannot be shown.</strong>{" "}
        {busy ? "The call goes on: you can hear the answers and read them." : "You can call all the same."}
      </p>
      <button type="button" className="quiet" onClick={onRetry}>
        Show it again
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
      <span>{lastWords(message.text)}</span>
    </p>
  );
}

const CAPTION_LENGTH = 140;

function lastWords(text: string): string {
  if (text.length <= CAPTION_LENGTH) return text;
  const end = text.slice(-CAPTION_LENGTH);
  return `…${end.slice(end.indexOf(" "))}`;
}
