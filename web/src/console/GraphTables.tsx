import type { ReactNode } from "react";

import type { GraphState } from "./documents";
import { roughly } from "./format";
import { useWords } from "./useWords";

/** The same as two tables, for those who cannot see it, or want every number. */
export function GraphTables({ graph }: { graph: GraphState }): ReactNode {
  const { words } = useWords();
  const nodes = graph.nodes.map((node) => [node.name, node.use, words.states[node.state], node.fallbacks, node.errors]);
  const links = graph.links.map((link) => [link.name, link.kinds.join(", "), link.depth, roughly(link.age), link.dropped]);
  return (
    <details className="more">
      <summary>{words.linksTable}</summary>
      <Table head={[words.node, words.use, words.state, words.fallbackColumn, words.errorsColumn]} rows={nodes} />
      <Table head={[words.link, words.kinds, words.depth, words.age, words.drops]} rows={links} />
    </details>
  );
}

function Table({ head, rows }: { head: readonly string[]; rows: readonly (readonly (string | number)[])[] }): ReactNode {
  return (
    <div className="scroll" tabIndex={0} role="group" aria-label={head[0]}>
      <table>
        <thead>
          <tr>
            {head.map((each) => (
              <th key={each} scope="col">
                {each}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(([first, ...rest]) => (
            <tr key={first}>
              <th scope="row">{first}</th>
              {rest.map((value, n) => (
                <td key={head[n + 1]}>{value}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
