import { type ReactNode, useCallback, useEffect, useMemo, useState } from "react";

import { PartLegend } from "../PartBar";
import { PARTS, type Timeline, type TurnEntry } from "../documents";
import { useStore } from "../../hooks/useStore";
import { Store } from "../../core/store";
import { useWords } from "../useWords";
import { EventTable } from "./EventTable";
import { Head } from "./Head";
import { Strip } from "./Strip";
import { Toolbar } from "./Toolbar";
import { Tracks } from "./Tracks";
import { TurnDetails } from "./TurnDetails";
import { TurnList, badness } from "./TurnList";
import { stretchOf } from "./draw";
import { Player, type Playing } from "./player";
import { type View, clamped } from "./scale";

const SILENT = new Store<Playing>("silent");

/** One session: its tracks, its turns, and the turn that is chosen. */
export function TimelineView({ timeline }: { timeline: Timeline }): ReactNode {
  const { words } = useWords();
  // null is the whole session, which may still grow.
  const [view, setView] = useState<View | null>(null);
  const [chosen, setChosen] = useState(() => numberIn(location.hash));
  const player = usePlayer(timeline);
  const playing = useStore(player?.state ?? SILENT);
  const whole = { from: 0, to: Math.max(1, timeline.duration) };
  const shown = view ? clamped(view, timeline.duration) : whole;
  const selected = timeline.turns.find(({ number }) => number === chosen) ?? worst(timeline);
  const select = useCallback(
    (turn: TurnEntry): void => {
      setChosen(turn.number);
      setView(around(timeline, turn));
    },
    [timeline],
  );
  const toggle = (): void => {
    if (!player) return;
    if (playing === "playing" || playing === "loading") player.pause();
    else void player.play(player.position);
  };
  const listen = (at: number): void => {
    setChosen(turnAt(timeline, at)?.number ?? chosen);
    void player?.play(Math.min(Math.max(0, at), timeline.duration));
  };
  return (
    <div className="session">
      <Head timeline={timeline} />
      <section className="card stagecard" aria-label={words.timeline}>
        <Toolbar
          view={shown}
          duration={timeline.duration}
          playing={player ? playing : null}
          onView={setView}
          onToggle={toggle}
        />
        <Tracks
          timeline={timeline}
          view={shown}
          selected={selected}
          player={player}
          onView={setView}
          onMoment={listen}
          onToggle={toggle}
        />
        <Strip timeline={timeline} view={shown} onView={setView} />
        <PartLegend parts={PARTS} words={words} />
      </section>
      <div className="two">
        <TurnList timeline={timeline} selected={selected} onSelect={select} />
        {selected && <TurnDetails timeline={timeline} turn={selected} onSelect={select} />}
      </div>
      <EventTable timeline={timeline} view={shown} />
    </div>
  );
}

/** The player of the sound that there is; null without any. */
function usePlayer({ sound }: Timeline): Player | null {
  const addresses = [sound.caller, sound.assistant].filter((address) => address !== undefined).join("\n");
  const player = useMemo(() => (addresses ? new Player(addresses.split("\n")) : null), [addresses]);
  useEffect(() => () => player?.close(), [player]);
  return player;
}

/** A turn with its answer, and a little of what is around it. */
function around(timeline: Timeline, turn: TurnEntry): View {
  const { from, to } = stretchOf(timeline, turn);
  const margin = Math.max(300, (to - from) * 0.06);
  return clamped({ from: from - margin, to: to + margin }, timeline.duration);
}

/** What to look at first. */
function worst({ turns }: Timeline): TurnEntry | null {
  return turns.reduce<TurnEntry | null>((found, turn) => (found && badness(found) >= badness(turn) ? found : turn), null);
}

function turnAt({ turns }: Timeline, at: number): TurnEntry | undefined {
  return turns.findLast(({ start }) => start <= at);
}

function numberIn(hash: string): number | null {
  const found = /^#turn-(\d+)$/.exec(hash)?.[1];
  return found === undefined ? null : Number(found);
}
