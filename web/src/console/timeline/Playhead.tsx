import { type ReactNode, useEffect, useRef } from "react";

import { useStore } from "../../hooks/useStore";
import type { Player } from "./player";
import { type Scale, type View, clamped, span } from "./scale";

interface Props {
  player: Player;
  scale: Scale;
  duration: number;
  onView: (view: View) => void;
}

/** A line at the moment that is heard. It moves without React, 60 times a second, and the view follows it. */
export function Playhead(props: Props): ReactNode {
  const line = useRef<HTMLDivElement>(null);
  const latest = useRef(props);
  useEffect(() => {
    latest.current = props;
    place(line.current, props);
  });
  const playing = useStore(props.player.state) === "playing";
  useEffect(() => {
    if (!playing) return;
    let frame = 0;
    const step = (): void => {
      follow(latest.current);
      place(line.current, latest.current);
      frame = requestAnimationFrame(step);
    };
    frame = requestAnimationFrame(step);
    return () => cancelAnimationFrame(frame);
  }, [playing]);
  return <div className="playhead" ref={line} data-playing={playing} />;
}

function place(line: HTMLDivElement | null, { player, scale }: Props): void {
  if (!line) return;
  const x = scale.x(player.position);
  line.style.transform = `translateX(${x}px)`;
  line.style.visibility = player.used && x >= 0 && x <= scale.width ? "visible" : "hidden";
}

/** The next stretch is shown when the line leaves this one. */
function follow({ player, scale: { view }, duration, onView }: Props): void {
  const at = player.position;
  const length = span(view);
  if (at > view.to && at < view.to + length) onView(clamped({ from: view.to, to: view.to + length }, duration));
}
