import type { ReactNode } from "react";

import { Alerts } from "./Alerts";
import { Calls } from "./Calls";
import { Figures } from "./Figures";
import { Frame } from "./Frame";
import { GraphDrawing } from "./GraphDrawing";
import { GraphTables } from "./GraphTables";
import { LatestTurns } from "./LatestTurns";
import { Panel } from "./Panel";
import { Quality } from "./Quality";
import { Notice, TokenForm } from "./TokenForm";
import type { Console } from "./documents";
import { usePolled } from "./usePolled";
import { useWords } from "./useWords";

const STATE = "console/state";
const INTERVAL = 1_000;

/** What the host does now. */
export function ConsolePage(): ReactNode {
  const { words } = useWords();
  const { status, value, again } = usePolled<Console>(STATE, INTERVAL);
  return (
    <Frame title={words.console} up={{ href: "./", name: words.callPage }} status={status}>
      {status.kind === "denied" && <TokenForm denied={status} onKey={again} />}
      {!value && status.kind === "away" && <Notice title={words.stale} texts={[words.awayFirst]} />}
      {!value && status.kind === "loading" && <p className="calm">{words.loading}</p>}
      {value && <Overview state={value} stale={status.kind !== "live"} />}
    </Frame>
  );
}

function Overview({ state, stale }: { state: Console; stale: boolean }): ReactNode {
  const { words } = useWords();
  return (
    <div className="overview" data-stale={stale}>
      <Figures console={state} />
      <Alerts alerts={state.alerts} now={state.at} />
      <Quality quality={state.quality} />
      <Calls calls={state.calls} />
      <LatestTurns turns={state.turns} now={state.at} />
      {state.graphs.length === 0 && (
        <Panel title={words.graphs} className="graph">
          <p className="calm">{words.noGraphs}</p>
        </Panel>
      )}
      {state.graphs.map((graph) => (
        <Panel
          key={graph.name}
          title={graph.name}
          className="graph"
          aside={<small>{`${graph.description} · ${words.callsOf(graph.calls)}`}</small>}
        >
          <GraphDrawing graph={graph} />
          <GraphTables graph={graph} />
        </Panel>
      ))}
    </div>
  );
}
