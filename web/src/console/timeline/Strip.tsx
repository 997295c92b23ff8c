import { type PointerEvent, type ReactNode, useEffect, useRef } from "react";

import type { Timeline } from "../documents";
import { gradeSilence } from "../grades";
import { useWidth } from "../useWidth";
import { useWords } from "../useWords";
import { prepared } from "./canvas";
import { GRADES, HIGHEST } from "./draw";
import type { Colours } from "./pen";
import { Scale, type View, clamped, columns, span } from "./scale";
import { useColours } from "./useColours";

const HEIGHT = 44;

interface Props {
  timeline: Timeline;
  view: View;
  onView: (view: View) => void;
}

/** The whole session in one strip: how long each turn was silent, and which part is shown above. */
export function Strip({ timeline, view, onView }: Props): ReactNode {
  const { words } = useWords();
  const [frame, width] = useWidth<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const colours = useColours(canvas);
  useEffect(() => {
    const context = canvas.current && width ? prepared(canvas.current, width, HEIGHT) : null;
    if (context && colours) draw(context, timeline, width, colours);
  }, [timeline, width, colours]);
  const go = ({ clientX, currentTarget, buttons }: PointerEvent<HTMLDivElement>): void => {
    if (!buttons) return;
    const { left, width } = currentTarget.getBoundingClientRect();
    const middle = ((clientX - left) / width) * timeline.duration;
    onView(clamped({ from: middle - span(view) / 2, to: middle + span(view) / 2 }, timeline.duration));
  };
  const share = (at: number): string => `${(at / Math.max(1, timeline.duration)) * 100}%`;
  return (
    <div className="whole" ref={frame} onPointerDown={go} onPointerMove={go} title={words.overview}>
      <canvas ref={canvas} style={{ blockSize: HEIGHT }} aria-hidden="true" />
      <i style={{ insetInlineStart: share(view.from), inlineSize: share(span(view)) }} />
    </div>
  );
}

function draw(canvas: CanvasRenderingContext2D, timeline: Timeline, width: number, colours: Colours): void {
  const { duration, caller, assistant, turns } = timeline;
  const scale = new Scale({ from: 0, to: Math.max(1, duration) }, width);
  canvas.clearRect(0, 0, width, HEIGHT);
  canvas.globalAlpha = 0.45;
  half(canvas, columns(caller.peaks, caller.step, scale), -1, colours.voice);
  half(canvas, columns(assistant.peaks, assistant.step, scale), 1, colours.answer);
  canvas.globalAlpha = 0.85;
  for (const { voice_end, silence, outcome, over_budget, budget } of turns) {
    const lost = outcome === "unanswered";
    if (silence === null && !lost) continue;
    const grade = over_budget || lost ? "poor" : budget === null ? gradeSilence(silence) : "good";
    canvas.fillStyle = colours[GRADES[grade]];
    const high = lost ? HEIGHT : Math.min(1, (silence ?? 0) / HIGHEST) * HEIGHT;
    canvas.fillRect(scale.x(voice_end), HEIGHT - high, Math.max(2, scale.x(voice_end + (silence ?? 0)) - scale.x(voice_end)), high);
  }
}

function half(canvas: CanvasRenderingContext2D, heights: Float32Array, way: -1 | 1, colour: string): void {
  const middle = HEIGHT / 2;
  canvas.fillStyle = colour;
  heights.forEach((share, x) => canvas.fillRect(x, middle, 1, way * Math.max(0.5, share * middle * 0.9)));
}
