/** A drawing of a graph in layers: every link leads to a later layer, and few links cross. */

export interface Size {
  /** Along the flow, and across it. */
  length: number;
  breadth: number;
}

export interface Box extends Size {
  name: string;
  /** The middle, along the flow and across it. */
  along: number;
  across: number;
}

export interface Line {
  name: string;
  /** From the end of the source to the beginning of the target, over the layers between them. */
  points: readonly (readonly [along: number, across: number])[];
}

export interface Drawing extends Size {
  boxes: Box[];
  lines: Line[];
}

export interface Edge {
  name: string;
  source: string;
  target: string;
}

/** A node, or the place where a link passes a layer. */
interface Cell {
  key: string;
  layer: number;
  size: Size;
  across: number;
  before: Cell[];
  after: Cell[];
}

const SWEEPS = 6;
const PASS: Size = { length: 0, breadth: 8 };

/** Lays out `nodes`; `gap` is free between layers, `space` between nodes of one. */
export function layOut(nodes: ReadonlyMap<string, Size>, edges: readonly Edge[], gap: number, space: number): Drawing {
  const known = edges.filter(({ source, target }) => nodes.has(source) && nodes.has(target) && source !== target);
  const layers = layersOf([...nodes.keys()], known);
  const cells = new Map([...nodes].map(([key, size]) => [key, cell(key, layers.get(key) ?? 0, size)]));
  const ways = known.map((edge) => ({ edge, way: way(edge, cells) }));
  const rows = inOrder([...cells.values()], ways.flatMap(({ way }) => way.slice(1, -1)));
  place(rows, space);
  const offsets = alongOf(rows, gap);
  const boxes = [...cells.values()].map(({ key, layer, size, across }) => {
    return { name: key, ...size, along: offsets[layer] ?? 0, across };
  });
  const lines = ways.map(({ edge, way }) => ({ name: edge.name, points: points(way, offsets) }));
  return { boxes, lines, ...extent(boxes) };
}

/** The layer of each node: one more than the highest of those before it. Links of a circle count once. */
export function layersOf(names: readonly string[], edges: readonly Edge[]): Map<string, number> {
  const layers = new Map<string, number>();
  const open = new Set<string>();
  const layer = (name: string): number => {
    const known = layers.get(name);
    if (known !== undefined) return known;
    open.add(name);
    const before = edges.filter(({ source, target }) => target === name && !open.has(source));
    const own = Math.max(-1, ...before.map(({ source }) => layer(source))) + 1;
    open.delete(name);
    layers.set(name, own);
    return own;
  };
  for (const name of names) layer(name);
  return layers;
}

function cell(key: string, layer: number, size: Size): Cell {
  return { key, layer, size, across: 0, before: [], after: [] };
}

/** The cells that a link passes, its nodes first and last. A link back is drawn straight. */
function way({ name, source, target }: Edge, cells: ReadonlyMap<string, Cell>): Cell[] {
  const [from, to] = [cells.get(source), cells.get(target)];
  if (!from || !to) return [];
  const between = Math.max(0, to.layer - from.layer - 1);
  const passes = Array.from({ length: between }, (_, n) => cell(`${name} ${n}`, from.layer + n + 1, PASS));
  const all = [from, ...passes, to];
  if (to.layer > from.layer) all.forEach((each, n) => connect(all[n - 1], each));
  return all;
}

function connect(before: Cell | undefined, after: Cell): void {
  if (!before) return;
  before.after.push(after);
  after.before.push(before);
}

/** The rows of cells, each sorted by the middle of its neighbours in turn, from the front and from the back. */
function inOrder(...groups: Cell[][]): Cell[][] {
  const rows: Cell[][] = [];
  for (const each of groups.flat()) (rows[each.layer] ??= []).push(each);
  for (const row of rows) number(row);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const forward = sweep % 2 === 0;
    for (const row of forward ? rows : rows.toReversed()) {
      const middles = new Map(row.map((each) => [each, middle(forward ? each.before : each.after) ?? each.across]));
      row.sort((a, b) => (middles.get(a) ?? 0) - (middles.get(b) ?? 0));
      number(row);
    }
  }
  return rows;
}

function number(row: readonly Cell[]): void {
  row.forEach((each, n) => (each.across = n));
}

function middle(cells: readonly Cell[]): number | null {
  return cells.length ? cells.reduce((sum, { across }) => sum + across, 0) / cells.length : null;
}

/** Puts the main path on a straight line, and each other cell as near to its neighbours as its row allows. */
function place(rows: readonly Cell[][], space: number): void {
  const main = new Set(mainPath(rows));
  for (const row of rows) for (const each of row) each.across = 0;
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    for (const row of sweep % 2 ? rows.toReversed() : rows) spread(row, main, space);
  }
  const low = Math.min(...rows.flat().map(({ across, size }) => across - size.breadth / 2));
  for (const each of rows.flat()) each.across -= low;
}

/** A longest path, from its last node back: it has one cell in each layer. */
function mainPath(rows: readonly Cell[][]): Cell[] {
  const path: Cell[] = [];
  let at = rows.at(-1)?.[0];
  while (at) {
    path.push(at);
    const before: readonly Cell[] = at.before;
    at = before.find(({ size }) => size !== PASS) ?? before[0];
  }
  return path;
}

/** Gives the cells of a row the middle of their neighbours, moved away from the main path where they would overlap. */
function spread(row: readonly Cell[], main: ReadonlySet<Cell>, space: number): void {
  const pinned = Math.max(0, row.findIndex((each) => main.has(each)));
  const away = (cells: readonly Cell[], way: 1 | -1): void => {
    let edge = -Infinity;
    for (const each of cells) {
      const wanted = main.has(each) ? 0 : way * (middle([...each.before, ...each.after]) ?? 0);
      const across = Math.max(wanted, edge + each.size.breadth / 2);
      edge = across + each.size.breadth / 2 + space;
      each.across = way * across;
    }
  };
  away(row.slice(pinned), 1);
  away(row.slice(0, pinned + 1).reverse(), -1);
}

function alongOf(rows: readonly Cell[][], gap: number): number[] {
  let end = -gap;
  return rows.map((row) => {
    const length = Math.max(...row.map(({ size }) => size.length));
    const start = end + gap;
    end = start + length;
    return start + length / 2;
  });
}

function points(way: readonly Cell[], offsets: readonly number[]): Line["points"] {
  const last = way.length - 1;
  return way.map(({ layer, across, size }, n) => {
    const half = size.length / 2;
    return [(offsets[layer] ?? 0) + (n === 0 ? half : n === last ? -half : 0), across] as const;
  });
}

function extent(boxes: readonly Box[]): Size {
  return {
    length: Math.max(0, ...boxes.map(({ along, length }) => along + length / 2)),
    breadth: Math.max(0, ...boxes.map(({ across, breadth }) => across + breadth / 2)),
  };
}
