import { type ReactNode, useState } from "react";

import { useGraphs } from "../hooks/useGraphs";
import { useLanguage } from "../hooks/useLanguage";
import { useVoiceConversation } from "../hooks/useVoiceConversation";
import { Controls } from "./Controls";
import { GraphChoice } from "./GraphChoice";
import { LanguageChoice } from "./LanguageChoice";
import { Notices } from "./Notices";
import { Stage } from "./Stage";
import { Talk } from "./Talk";
import { TextEntry } from "./TextEntry";
import { Mark } from "./icons";

/** The whole page. */
export function CallPage(): ReactNode {
  const { words } = useLanguage();
  const call = useVoiceConversation();
  const graphs = useGraphs();
  const [chosen, setChosen] = useState(() => new URLSearchParams(location.search).get("graph"));
  const offered = graphs.list?.graphs ?? [];
  const graph = offered.some(({ name }) => name === chosen) ? chosen : (graphs.list?.default ?? null);
  const start = (): void => {
    if (graph) void call.voice.start({ graph, iceServers: graphs.list?.ice_servers });
  };
  return (
    <div className="page">
      <header className="bar">
        <h1 className="brand">
          <Mark />
          Vitagraph
        </h1>
        <div className="choices">
          <GraphChoice graphs={offered} chosen={graph} disabled={call.busy} onChoose={setChosen} />
          <LanguageChoice />
        </div>
      </header>
      <main className="call">
        <Stage call={call}>
          <Controls call={call} ready={graph !== null} onCall={start} />
        </Stage>
        <section className="talk" aria-label={words.talk}>
          <Notices call={call} graphs={graphs} />
          <Talk call={call} about={offered.find(({ name }) => name === graph)?.description ?? null} />
          <TextEntry enabled={call.connected} onSend={(text) => call.voice.sendText(text)} />
        </section>
      </main>
    </div>
  );
}
