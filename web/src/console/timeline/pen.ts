/** What the tracks are drawn with: a canvas, a scale, colours, and the places that have something to say. */

import { PARTS } from "../documents";
import type { ConsoleWords } from "../words";
import type { Scale } from "./scale";

/** A place on the canvas that tells what it is when it is pointed at. */
export interface Mark {
  left: number;
  top: number;
  width: number;
  height: number;
  text: string;
}

const COLOURS = ["card", "ink", "soft", "line", "accent", "alarm", "poor", "caution", "voice", "answer", "selected"] as const;
export type Colours = Record<(typeof COLOURS)[number], string> & { part: (name: string) => string; font: string };

/** The colours of the page's style, as they are now. */
export function coloursOf(element: Element): Colours {
  const style = getComputedStyle(element);
  const value = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  const named = Object.fromEntries(COLOURS.map((name) => [name, value(name)])) as Record<(typeof COLOURS)[number], string>;
  const parts = new Map(PARTS.map((part) => [part as string, value(`part-${part}`)]));
  return { ...named, part: (name) => parts.get(name) ?? named.soft, font: style.fontFamily };
}

export class Pen {
  readonly marks: Mark[] = [];

  constructor(
    readonly canvas: CanvasRenderingContext2D,
    readonly scale: Scale,
    readonly colours: Colours,
    readonly words: ConsoleWords,
  ) {}

  box(left: number, top: number, width: number, height: number, colour: string, round = 2): void {
    const wide = Math.max(width, 1);
    this.canvas.fillStyle = colour;
    this.canvas.beginPath();
    this.canvas.roundRect(left, top, wide, height, Math.min(round, wide / 2, height / 2));
    this.canvas.fill();
  }

  /** Draws text within `width`; it is shortened where it does not fit, and left out where little would be left. */
  text(text: string, left: number, middle: number, width: number, colour: string, size = 12, weight = 400): void {
    // What begins before the view is read from its edge.
    const start = Math.max(left, 4);
    const room = width - (start - left);
    if (room < 16 || !text) return;
    const { canvas } = this;
    canvas.font = `${weight} ${size}px ${this.colours.font}`;
    canvas.fillStyle = colour;
    canvas.textBaseline = "middle";
    const shown = this.fitting(text, room);
    if (shown) canvas.fillText(shown, start, middle);
  }

  private fitting(text: string, room: number): string {
    const measured = this.canvas.measureText(text).width;
    if (measured <= room) return text;
    for (let count = Math.floor((text.length * room) / measured); count > 2; count--) {
      const shorter = `${text.slice(0, count).trimEnd()}…`;
      if (this.canvas.measureText(shorter).width <= room) return shorter;
    }
    return "";
  }

  mark(left: number, top: number, width: number, height: number, text: string): void {
    // Small things can be pointed at too.
    const more = Math.max(0, 12 - width);
    this.marks.push({ left: left - more / 2, top, width: width + more, height, text });
  }
}

/** What is told at a place; the last drawn is on top. */
export function markAt(marks: readonly Mark[], x: number, y: number): Mark | null {
  return (
    marks.findLast(({ left, top, width, height }) => x >= left && x <= left + width && y >= top && y <= top + height) ?? null
  );
}
