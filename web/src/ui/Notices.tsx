import type { ReactNode } from "react";

import type { Words } from "../core/english";
import type { Failure } from "../core/failures";
import type { GraphsHandle } from "../hooks/useGraphs";
import { useLanguage } from "../hooks/useLanguage";
import type { VoiceHandle } from "../hooks/useVoiceConversation";

/** What is wrong, in plain words, and what to do about it. */
export function Notices({ call, graphs }: { call: VoiceHandle; graphs: GraphsHandle }): ReactNode {
  const { words } = useLanguage();
  const { failure, audio, conversation, connected } = call;
  const away = Object.entries(conversation.degraded);
  return (
    <div className="notices" aria-live="polite">
      {graphs.failure && !call.busy && (
        <Problem failure={graphs.failure}>
          <button type="button" className="quiet" onClick={graphs.retry}>
            {words.tryAgain}
          </button>
        </Problem>
      )}
      {failure && <Problem failure={failure} />}
      {call.state === "reconnecting" && (
        <p className="notice">{words.reconnecting}</p>
      )}
      {connected && !call.sound && (
        <p className="notice">{words.noSound}</p>
      )}
      {audio.state.blocked && (
        <p className="notice">
          {words.silentBrowser}{" "}
          <button type="button" className="quiet" onClick={() => void audio.resume()}>
            {words.play}
          </button>
        </p>
      )}
      {connected && away.length > 0 && <p className="notice">{away.map(([node, how]) => limited(words, node, how)).join(" ")}</p>}
      {connected && conversation.complaint && <p className="notice">{words.fromHost(conversation.complaint) ?? conversation.complaint}</p>}
    </div>
  );
}

function Problem({ failure, children }: { failure: Failure; children?: ReactNode }): ReactNode {
  const { words } = useLanguage();
  return (
    <div className="notice problem">
      <p>
        <strong>{failure.title(words)}</strong> {failure.hint(words)}
      </p>
      {children}
    </div>
  );
}

/** A message of the host is a sentence; the name of a member is not. */
function limited(words: Words, node: string, how: string): string {
  if (how === "") return words.noWork(node);
  return /[.!?]$/.test(how) ? (words.fromHost(how) ?? how) : words.standIn(node, how);
}
