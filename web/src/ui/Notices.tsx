import type { ReactNode } from "react";

import type { Failure } from "../core/failures";
import type { GraphsHandle } from "../hooks/useGraphs";
import type { VoiceHandle } from "../hooks/useVoiceConversation";

/** What is wrong, in plain words, and what to do about it. */
export function Notices({ call, graphs }: { call: VoiceHandle; graphs: GraphsHandle }): ReactNode {
  const { failure, audio, conversation, connected } = call;
  const away = Object.entries(conversation.degraded);
  return (
    <div className="notices" aria-live="polite">
      {graphs.failure && !call.busy && (
        <Problem failure={graphs.failure}>
          <button type="button" className="quiet" onClick={graphs.retry}>
            Try again
          </button>
        </Problem>
      )}
      {failure && <Problem failure={failure} />}
      {call.state === "reconnecting" && (
        <p className="notice">The connection was lost. Calling again; what was said stays here.</p>
      )}
      {connected && !call.sound && (
        <p className="notice">No sound gets through this network. You can type, and read the answers.</p>
      )}
      {audio.state.blocked && (
        <p className="notice">
          The browser waits for a click before it plays sound.{" "}
          <button type="button" className="quiet" onClick={() => void audio.resume()}>
            Play sound
          </button>
        </p>
      )}
      {connected && away.length > 0 && <p className="notice">{away.map(([node, how]) => limited(node, how)).join(" ")}</p>}
      {connected && conversation.complaint && <p className="notice">{conversation.complaint}</p>}
    </div>
  );
}

function Problem({ failure, children }: { failure: Failure; children?: ReactNode }): ReactNode {
  return (
    <div className="notice problem">
      <p>
        <strong>{failure.title}</strong> {failure.hint}
      </p>
      {children}
    </div>
  );
}

/** A message of the host is a sentence; the name of a member is not. */
function limited(node: string, how: string): string {
  if (how === "") return `“${node}” does not work at the moment.`;
  return /[.!?]$/.test(how) ? how : `A stand-in (${how}) serves for “${node}”; answers may be simpler.`;
}
