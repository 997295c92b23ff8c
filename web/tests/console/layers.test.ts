import { describe, expect, test } from "vitest";

import { type Drawing, type Edge, type Size, layOut, layersOf } from "../../src/console/layers";

const SIZE: Size = { length: 100, breadth: 50 };
const edge = (source: string, target: string): Edge => ({ name: `${source}>${target}`, source, target });

function drawn(names: string[], ...edges: Edge[]): Drawing {
  return layOut(new Map(names.map((name) => [name, SIZE])), edges, 40, 16);
}

function across(drawing: Drawing): Record<string, number> {
  return Object.fromEntries(drawing.boxes.map(({ name, across }) => [name, across]));
}

describe("the layers of a graph", () => {
  test("follow its longest ways", () => {
    const layers = layersOf(["d", "c", "b", "a"], [edge("a", "b"), edge("b", "c"), edge("a", "c"), edge("c", "d")]);
    expect(Object.fromEntries(layers)).toEqual({ a: 0, b: 1, c: 2, d: 3 });
  });

  test("end, for a graph with a circle", () => {
    const layers = layersOf(["a", "b"], [edge("a", "b"), edge("b", "a")]);
    expect([...layers.values()].every((layer) => layer >= 0 && layer < 2)).toBe(true);
  });
});

describe("the drawing of a graph", () => {
  test("puts a chain on a straight line, with equal gaps", () => {
    const { boxes, length, breadth } = drawn(["a", "b", "c"], edge("a", "b"), edge("b", "c"));
    expect(boxes.map(({ along, across }) => [along, across])).toEqual([[50, 25], [190, 25], [330, 25]]); // prettier-ignore
    expect([length, breadth]).toEqual([380, 50]);
  });

  test("keeps the main path straight beside branches, and no two nodes overlap", () => {
    const drawing = drawn(["a", "b", "c", "d", "x", "y"], edge("a", "b"), edge("b", "c"), edge("c", "d"), edge("a", "x"), edge("a", "y"), edge("y", "d"));
    const at = across(drawing);
    expect(new Set([at.a, at.b, at.c, at.d]).size).toBe(1);
    for (const one of drawing.boxes) {
      for (const other of drawing.boxes) {
        const apart = one === other || one.along !== other.along || Math.abs(one.across - other.across) >= 66;
        expect(apart, `${one.name} and ${other.name}`).toBe(true);
      }
    }
    expect(Math.min(...drawing.boxes.map(({ across }) => across))).toBeGreaterThanOrEqual(0);
  });

  test("leads a link that passes a layer around the node in it", () => {
    const drawing = drawn(["a", "b", "c"], edge("a", "b"), edge("b", "c"), edge("a", "c"));
    const [, passing] = drawing.lines.find(({ name }) => name === "a>c")?.points ?? [];
    expect(Math.abs((passing?.[1] ?? 0) - (across(drawing).b ?? 0))).toBeGreaterThan(25);
  });

  test("of links to nodes that are not there, and of nothing, is empty", () => {
    expect(drawn(["a"], edge("a", "elsewhere")).lines).toEqual([]);
    expect(drawn([])).toMatchObject({ boxes: [], lines: [], length: 0, breadth: 0 });
  });
});
