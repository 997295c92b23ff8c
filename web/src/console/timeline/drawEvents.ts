/** Draws single moments: decisions of the turn node, and what went wrong. */

import type { CauseEvent, Timeline, Trouble } from "../documents";
import { moment } from "../format";
import type { ConsoleWords } from "../words";
import type { Lane } from "./lanes";
import type { Colours, Pen } from "./pen";

type Glyph = "ring" | "disc" | "cross" | "bars" | "play" | "square" | "triangle";
const SIZE = 5;

const GLYPHS: Record<CauseEvent["what"], readonly [Glyph, keyof Omit<Colours, "part" | "font">]> = {
  tentative: ["ring", "accent"],
  committed: ["disc", "accent"],
  revoked: ["cross", "caution"],
  held: ["bars", "caution"],
  resumed: ["play", "accent"],
  interrupted: ["square", "alarm"],
  released: ["ring", "soft"],
};
const TROUBLES: Record<Trouble["kind"], readonly [Glyph, keyof Omit<Colours, "part" | "font">]> = {
  failed: ["triangle", "alarm"],
  abandoned: ["cross", "alarm"],
  alert: ["square", "alarm"],
  retries: ["triangle", "caution"],
  late_flush: ["triangle", "caution"],
  over_budget: ["triangle", "caution"],
  recovered: ["disc", "accent"],
  alert_cleared: ["ring", "accent"],
};

export function drawCauses(pen: Pen, { causes }: Timeline, { top, height }: Lane): void {
  const { scale, colours, words } = pen;
  let drawn = -Infinity;
  causes.forEach(({ at, cause, what, reason }, n) => {
    // Decisions nearer than a pixel cover each other.
    if (!scale.shows(at, at) || scale.x(at) < drawn + 1) return;
    drawn = scale.x(at);
    const [shape, colour] = GLYPHS[what];
    glyph(pen, shape, scale.x(at), top + height / 2, colours[colour]);
    const label = reason ? `${words.changes[what]}: ${reason}` : words.changes[what];
    const text = `${label}\n${moment(at, 2)} · ${words.cause(cause)}`;
    pen.mark(scale.x(at) - SIZE, top, 2 * SIZE, height, text);
    const room = scale.x(causes[n + 1]?.at ?? Infinity) - scale.x(at) - 22;
    if (room > 60) pen.text(words.changes[what], scale.x(at) + 10, top + height / 2, Math.min(room, 260), colours.soft, 11);
  });
}

export function drawTroubles(pen: Pen, { troubles, duration }: Timeline, { top, height }: Lane): void {
  const { scale, colours, words } = pen;
  for (const { from, to, text } of fallbackSpans(troubles, duration, words)) {
    if (!scale.shows(from, to)) continue;
    const [left, width] = [scale.x(from), scale.x(to) - scale.x(from)];
    pen.canvas.globalAlpha = 0.28;
    pen.box(left, top + height / 2 - 3, width, 6, colours.caution, 3);
    pen.canvas.globalAlpha = 1;
    pen.mark(left, top, width, height, text);
  }
  troubles.forEach((trouble, n) => {
    if (!scale.shows(trouble.at, trouble.at)) return;
    const [shape, colour] = TROUBLES[trouble.kind];
    const x = scale.x(trouble.at);
    glyph(pen, shape, x, top + height / 2, colours[colour]);
    pen.mark(x - SIZE, top, 2 * SIZE, height, `${troubleText(trouble, words)}\n${moment(trouble.at, 2)}`);
    const room = scale.x(troubles[n + 1]?.at ?? Infinity) - x - 22;
    if (room > 60) pen.text(troubleTitle(trouble, words), x + 10, top + height / 2, Math.min(room, 320), colours.ink, 11);
  });
}

/** From the failure that a fallback answered to the return of the primary. */
export function fallbackSpans(
  troubles: readonly Trouble[],
  duration: number,
  words: ConsoleWords,
): { from: number; to: number; text: string }[] {
  return troubles
    .filter(({ kind, answered_by }) => kind === "failed" && answered_by)
    .map(({ at, node, answered_by }) => {
      const back = troubles.find((each) => each.kind === "recovered" && each.node === node && each.at > at);
      return { from: at, to: back?.at ?? duration, text: `${node}: ${words.answeredBy(answered_by)}` };
    });
}

function troubleTitle({ kind, node, message }: Trouble, words: ConsoleWords): string {
  return [node, words.troubles[kind], node ? "" : message].filter(Boolean).join(" ");
}

/** What happened, at which member, and what came of it. */
export function troubleText(trouble: Trouble, words: ConsoleWords): string {
  const { member, message, answered_by } = trouble;
  const more = [member, trouble.node ? message : "", answered_by ? words.answeredBy(answered_by) : ""].filter(Boolean);
  return [troubleTitle(trouble, words), ...more].join(" · ");
}

function glyph({ canvas }: Pen, shape: Glyph, x: number, y: number, colour: string): void {
  canvas.fillStyle = canvas.strokeStyle = colour;
  canvas.lineWidth = 2;
  canvas.beginPath();
  OUTLINES[shape](canvas, x, y);
  if (shape === "ring" || shape === "cross" || shape === "bars") canvas.stroke();
  else canvas.fill();
}

const OUTLINES: Record<Glyph, (canvas: CanvasRenderingContext2D, x: number, y: number) => void> = {
  ring: (canvas, x, y) => canvas.arc(x, y, SIZE - 1, 0, 2 * Math.PI),
  disc: (canvas, x, y) => canvas.arc(x, y, SIZE, 0, 2 * Math.PI),
  square: (canvas, x, y) => canvas.rect(x - SIZE + 1, y - SIZE + 1, 2 * SIZE - 2, 2 * SIZE - 2),
  cross: (canvas, x, y) => lines(canvas, [x - 4, y - 4, x + 4, y + 4], [x - 4, y + 4, x + 4, y - 4]),
  bars: (canvas, x, y) => lines(canvas, [x - 3, y - 5, x - 3, y + 5], [x + 3, y - 5, x + 3, y + 5]),
  play: (canvas, x, y) => triangle(canvas, [x - 4, y - 5], [x - 4, y + 5], [x + 5, y]),
  triangle: (canvas, x, y) => triangle(canvas, [x, y - 6], [x - 6, y + 5], [x + 6, y + 5]),
};

type Point = readonly [x: number, y: number];

function lines(canvas: CanvasRenderingContext2D, ...all: (readonly [number, number, number, number])[]): void {
  for (const [x1, y1, x2, y2] of all) {
    canvas.moveTo(x1, y1);
    canvas.lineTo(x2, y2);
  }
}

function triangle(canvas: CanvasRenderingContext2D, a: Point, b: Point, c: Point): void {
  canvas.moveTo(...a);
  canvas.lineTo(...b);
  canvas.lineTo(...c);
  canvas.closePath();
}
