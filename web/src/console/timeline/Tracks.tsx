import { type KeyboardEvent, type PointerEvent, type ReactNode, type RefObject, useEffect, useRef, useState } from "react";

import type { Timeline, TurnEntry } from "../documents";
import { useWidth } from "../useWidth";
import { useWords } from "../useWords";
import { Playhead } from "./Playhead";
import { prepared } from "./canvas";
import { draw } from "./draw";
import { lanesOf } from "./lanes";
import { type Mark, Pen, markAt } from "./pen";
import type { Player } from "./player";
import { Scale, type View, moved, zoomed } from "./scale";
import { useColours } from "./useColours";

interface Props {
  timeline: Timeline;
  view: View;
  selected: TurnEntry | null;
  player: Player | null;
  onView: (view: View | null) => void;
  /** A moment was chosen, in milliseconds. */
  onMoment: (at: number) => void;
  onToggle: () => void;
}

interface Tip extends Mark {
  x: number;
}

/** Pixels by which a press may move and still be a click. */
const STILL = 4;

/** All tracks of a session on one time axis. */
export function Tracks(props: Props): ReactNode {
  const { timeline, view, player, onView, onToggle } = props;
  const { words } = useWords();
  const [frame, width] = useWidth<HTMLDivElement>();
  const { lanes, height } = lanesOf(timeline, width);
  const scale = new Scale(view, Math.max(1, width));
  const [canvas, marks] = useDrawing(props, width);
  const [tip, setTip] = useState<Tip | null>(null);
  useWheel(frame, (view) => onView(view), scale, timeline.duration);
  const pointer = usePointer(props, scale, marks, setTip);
  const keys = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" || event.key === " ") onToggle();
    else if (event.key in KEYS) onView(KEYS[event.key]?.(view, timeline.duration) ?? null);
    else return;
    event.preventDefault();
  };
  return (
    <div className="tracks">
      <div className="gutter" aria-hidden="true">
        {lanes.map(({ name, top, height }) => (
          <span key={name} style={{ top, height }}>
            {words.lanes[name]}
          </span>
        ))}
      </div>
      <div className="strip" ref={frame} role="group" tabIndex={0} aria-label={words.tracks} onKeyDown={keys} {...pointer}>
        <canvas ref={canvas} style={{ blockSize: height }} role="img" aria-label={`${words.timeline} ${timeline.id}`} />
        {player && <Playhead player={player} scale={scale} onView={onView} duration={timeline.duration} />}
        {tip && <Tooltip tip={tip} width={width} />}
      </div>
    </div>
  );
}

const KEYS: Record<string, (view: View, duration: number) => View | null> = {
  ArrowLeft: (view, duration) => moved(view, -0.2, duration),
  ArrowRight: (view, duration) => moved(view, 0.2, duration),
  PageUp: (view, duration) => moved(view, -0.9, duration),
  PageDown: (view, duration) => moved(view, 0.9, duration),
  ArrowUp: (view, duration) => zoomed(view, 0.7, (view.from + view.to) / 2, duration),
  ArrowDown: (view, duration) => zoomed(view, 1 / 0.7, (view.from + view.to) / 2, duration),
  "+": (view, duration) => zoomed(view, 0.7, (view.from + view.to) / 2, duration),
  "-": (view, duration) => zoomed(view, 1 / 0.7, (view.from + view.to) / 2, duration),
  Home: () => null,
};

function useDrawing(
  { timeline, view, selected }: Props,
  width: number,
): [RefObject<HTMLCanvasElement | null>, RefObject<readonly Mark[]>] {
  const { words } = useWords();
  const canvas = useRef<HTMLCanvasElement>(null);
  const marks = useRef<readonly Mark[]>([]);
  const colours = useColours(canvas);
  useEffect(() => {
    const { lanes, height } = lanesOf(timeline, width);
    const context = canvas.current && width ? prepared(canvas.current, width, height) : null;
    if (!context || !colours) return;
    const pen = new Pen(context, new Scale(view, width), colours, words);
    draw(pen, timeline, lanes, height, selected);
    marks.current = pen.marks;
  }, [timeline, view, selected, width, colours, words]);
  return [canvas, marks];
}

/** The wheel zooms once the tracks have the focus; until then it scrolls the page. Sideways it always moves. */
function useWheel(frame: RefObject<HTMLDivElement | null>, onView: (view: View) => void, scale: Scale, duration: number): void {
  const latest = useRef({ onView, scale, duration });
  useEffect(() => {
    latest.current = { onView, scale, duration };
  });
  useEffect(() => {
    const element = frame.current;
    const turn = (event: WheelEvent): void => {
      const { onView, scale, duration } = latest.current;
      const sideways = event.shiftKey ? event.deltaX + event.deltaY : event.deltaX;
      if (Math.abs(sideways) > Math.abs(event.shiftKey ? 0 : event.deltaY)) {
        onView(moved(scale.view, sideways / scale.width, duration));
      } else if (event.ctrlKey || element === document.activeElement) {
        const around = scale.at(event.clientX - (element?.getBoundingClientRect().left ?? 0));
        onView(zoomed(scale.view, Math.exp(event.deltaY / 300), around, duration));
      } else return;
      event.preventDefault();
    };
    element?.addEventListener("wheel", turn, { passive: false });
    return () => element?.removeEventListener("wheel", turn);
  }, [frame]);
}

type Handler = (event: PointerEvent<HTMLDivElement>) => void;
type Handlers = Record<"onPointerDown" | "onPointerMove" | "onPointerUp" | "onPointerCancel" | "onPointerLeave", Handler>;

/** Dragging moves the view, a click chooses a moment, and pointing tells what is there. */
function usePointer(
  { timeline, onView, onMoment }: Props,
  scale: Scale,
  marks: RefObject<readonly Mark[]>,
  setTip: (tip: Tip | null) => void,
): Handlers {
  const press = useRef<{ x: number; scale: Scale; dragged: boolean } | null>(null);
  const place = ({ clientX, clientY, currentTarget }: PointerEvent<HTMLDivElement>): [number, number] => {
    const { left, top } = currentTarget.getBoundingClientRect();
    return [clientX - left, clientY - top];
  };
  return {
    onPointerDown: (event) => {
      if (event.button === 0) press.current = { x: event.clientX, scale, dragged: false };
    },
    onPointerMove: (event) => {
      const [x, y] = place(event);
      const pressed = press.current;
      if (pressed && (pressed.dragged || Math.abs(event.clientX - pressed.x) > STILL)) {
        if (!pressed.dragged) event.currentTarget.setPointerCapture(event.pointerId);
        pressed.dragged = true;
        onView(moved(pressed.scale.view, (pressed.x - event.clientX) / pressed.scale.width, timeline.duration));
        return setTip(null);
      }
      const mark = markAt(marks.current, x, y);
      setTip(mark && { ...mark, x });
    },
    onPointerUp: (event) => {
      const pressed = press.current;
      press.current = null;
      if (pressed && !pressed.dragged) onMoment(scale.at(place(event)[0]));
    },
    onPointerCancel: () => void (press.current = null),
    onPointerLeave: () => setTip(null),
  };
}

function Tooltip({ tip, width }: { tip: Tip; width: number }): ReactNode {
  const [title, ...more] = tip.text.split("\n");
  const style = { left: Math.min(Math.max(8, tip.x + 12), Math.max(8, width - 300)), top: tip.top + tip.height + 6 };
  return (
    <div className="tip" style={style} aria-hidden="true">
      <strong>{title}</strong>
      {more.filter(Boolean).map((line) => (
        <span key={line}>{line}</span>
      ))}
    </div>
  );
}
