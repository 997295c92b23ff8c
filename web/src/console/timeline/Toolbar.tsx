import type { ReactNode } from "react";

import { moment } from "../format";
import { useWords } from "../useWords";
import type { Playing } from "./player";
import { type View, moved, span, zoomed } from "./scale";

interface Props {
  view: View;
  duration: number;
  /** Null if the session has no sound. */
  playing: Playing | null;
  onView: (view: View | null) => void;
  onToggle: () => void;
}

/** Buttons that play, move and zoom. */
export function Toolbar({ view, duration, playing, onView, onToggle }: Props): ReactNode {
  const { words } = useWords();
  const middle = (view.from + view.to) / 2;
  const all = span(view) >= duration;
  const digits = span(view) < 10_000 ? 1 : 0;
  const hint = { silent: words.clickToListen, loading: words.loadingSound, playing: "", failed: words.soundFailed };
  return (
    <div className="tools">
      {playing !== null && (
        <button type="button" className="main" onClick={onToggle}>
          {playing === "playing" || playing === "loading" ? words.pause : words.play}
        </button>
      )}
      <span className="hint" role="status">
        {playing === null ? words.noRecording : hint[playing]}
      </span>
      <span className="range">{`${moment(view.from, digits)} – ${moment(view.to, digits)}`}</span>
      <div className="zoom">
        <Tool name={words.earlier} sign="‹" off={view.from <= 0} onClick={() => onView(moved(view, -0.5, duration))} />
        <Tool name={words.later} sign="›" off={view.to >= duration} onClick={() => onView(moved(view, 0.5, duration))} />
        <Tool name={words.zoomOut} sign="−" off={all} onClick={() => onView(zoomed(view, 2, middle, duration))} />
        <Tool name={words.zoomIn} sign="+" off={false} onClick={() => onView(zoomed(view, 0.5, middle, duration))} />
        <button type="button" disabled={all} onClick={() => onView(null)}>
          {words.all}
        </button>
      </div>
    </div>
  );
}

function Tool({ name, sign, off, onClick }: { name: string; sign: string; off: boolean; onClick: () => void }): ReactNode {
  return (
    <button type="button" className="step" aria-label={name} title={name} disabled={off} onClick={onClick}>
      {sign}
    </button>
  );
}
