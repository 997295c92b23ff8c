import { type CSSProperties, type ReactNode, useMemo } from "react";

import type { GraphState, LinkState, NodeState } from "./documents";
import { duration } from "./format";
import { gradeAge } from "./grades";
import { type Box, type Drawing, type Line, type Size, layOut } from "./layers";
import { useWidth } from "./useWidth";
import { useWords } from "./useWords";
import type { ConsoleWords } from "./words";

const NODE = { width: 94, height: 50 };
const INSERTED = { width: 18, height: 18 };
const GAP = { least: 36, most: 96 };
const SPACE = 16;

interface Plan extends Drawing {
  down: boolean;
}

/** A graph as it works now: its nodes from left to right, or downwards on a narrow screen. */
export function GraphDrawing({ graph }: { graph: GraphState }): ReactNode {
  const { words } = useWords();
  const [frame, width] = useWidth<HTMLDivElement>();
  // What is drawn where changes only with the graph, not with the numbers of each second.
  const shape = JSON.stringify([graph.nodes.map(({ name, inserted }) => [name, inserted]), graph.links.map(ends)]);
  const plan = useMemo(() => (width ? planOf(shape, width) : null), [shape, width]);
  const boxes = new Map(plan?.boxes.map((box) => [box.name, box]));
  const lines = new Map(plan?.lines.map((line) => [line.name, line]));
  return (
    <div className="drawing" ref={frame} role="group" aria-label={graph.name} tabIndex={0}>
      {plan && (
        <div className="sheet" style={sizeOf(plan)}>
          <svg width={sizeOf(plan).width} height={sizeOf(plan).height} aria-hidden="true">
            {plan.lines.map((line) => (
              <path key={line.name} d={path(line, plan.down)} />
            ))}
          </svg>
          {graph.nodes.map((node) => (
            <Node key={node.name} node={node} style={placeOf(boxes.get(node.name), plan.down)} words={words} />
          ))}
          {graph.links.map((link) => (
            <Queue key={link.name} link={link} line={lines.get(link.name)} down={plan.down} words={words} />
          ))}
        </div>
      )}
    </div>
  );
}

function ends({ name, source, target }: LinkState): [string, string, string] {
  return [name, source, target];
}

function planOf(shape: string, width: number): Plan {
  const [nodes, links] = JSON.parse(shape) as [[string, boolean][], [string, string, string][]];
  const edges = links.map(([name, source, target]) => ({ name, source, target }));
  const sizes = (down: boolean): Map<string, Size> => new Map(nodes.map(([name, inserted]) => [name, size(inserted, down)]));
  const across = layOut(sizes(false), edges, GAP.least, SPACE);
  if (across.length > width && width < 700) return { ...layOut(sizes(true), edges, GAP.least, SPACE), down: true };
  // The gaps take what is free.
  const gaps = new Set(across.boxes.map(({ along }) => along)).size - 1;
  const gap = Math.min(GAP.most, GAP.least + Math.max(0, width - across.length) / Math.max(1, gaps));
  return { ...layOut(sizes(false), edges, gap, SPACE), down: false };
}

function size(inserted: boolean, down: boolean): Size {
  const { width, height } = inserted ? INSERTED : NODE;
  return down ? { length: height, breadth: width } : { length: width, breadth: height };
}

function sizeOf({ length, breadth, down }: Plan): { width: number; height: number } {
  return down ? { width: breadth, height: length } : { width: length, height: breadth };
}

function placeOf(box: Box | undefined, down: boolean): CSSProperties {
  if (!box) return { display: "none" };
  const [left, top] = down ? [box.across, box.along] : [box.along, box.across];
  const [width, height] = down ? [box.breadth, box.length] : [box.length, box.breadth];
  return { left: left - width / 2, top: top - height / 2, width, height };
}

function path({ points }: Line, down: boolean): string {
  const at = points.map(([along, across]): [number, number] => (down ? [across, along] : [along, across]));
  return at.reduce((drawn, [x, y], n) => {
    const [px, py] = at[n - 1] ?? [x, y];
    if (n === 0) return `M${x} ${y}`;
    return down
      ? `${drawn} C${px} ${(py + y) / 2} ${x} ${(py + y) / 2} ${x} ${y}`
      : `${drawn} C${(px + x) / 2} ${py} ${(px + x) / 2} ${y} ${x} ${y}`;
  }, "");
}

function Node({ node, style, words }: { node: NodeState; style: CSSProperties; words: ConsoleWords }): ReactNode {
  const facts = [
    `${node.name}: ${words.states[node.state]}`,
    node.inserted ? words.inserted : words.members(node.members.join(", ")),
    node.errors ? words.errors(node.errors) : "",
  ];
  const title = facts.filter(Boolean).join("\n");
  if (node.inserted) return <i className="inserted" data-state={node.state} style={style} title={title} />;
  return (
    <div className="node" data-state={node.state} style={style} title={title}>
      <strong>{node.name}</strong>
      <span>{node.state === "fallback" ? words.fallbacks(node.fallbacks) : node.state === "failing" ? words.states.failing : node.use}</span>
    </div>
  );
}

interface QueueProps {
  link: LinkState;
  line: Line | undefined;
  down: boolean;
  words: ConsoleWords;
}

/** How many packets wait in a link, and for how long the oldest has; nothing for an empty one. */
function Queue({ link, line, down, words }: QueueProps): ReactNode {
  const [from, to] = line?.points ?? [];
  if (!from || !to || link.depth === 0) return null;
  const [along, across] = [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2];
  const [left, top] = down ? [across, along] : [along, across];
  const title = `${link.name}: ${words.waiting(link.depth, duration(link.age))}`;
  return (
    <span className="waiting" data-grade={gradeAge(link.age)} style={{ left, top }} title={title}>
      <b>{link.depth}</b>
      {link.age < 1_000 ? duration(link.age) : `${(link.age / 1_000).toFixed(1)} s`}
    </span>
  );
}
