/** The tracks of a timeline, from top to bottom. */

import type { Timeline } from "../documents";

export type LaneName = "caller" | "turns" | "causes" | "assistant" | "face" | "queues" | "troubles";

export interface Lane {
  name: LaneName;
  top: number;
  height: number;
}

export const AXIS = 24;
const GAP = 8;
/** On a narrow screen the names of the tracks stand above them. */
const NARROW = { width: 860, gap: 20 };
const HEIGHTS: Record<LaneName, number> = {
  caller: 54,
  turns: 44,
  causes: 22,
  assistant: 76,
  face: 26,
  queues: 34,
  troubles: 24,
};
/** Tracks that are left out of a session that has nothing for them. */
const OPTIONAL: Partial<Record<LaneName, (timeline: Timeline) => boolean>> = {
  causes: ({ causes }) => causes.length > 0,
  face: ({ face }) => face.length > 0,
  queues: ({ queues }) => queues.length > 0,
  troubles: ({ troubles }) => troubles.length > 0,
};

/** The tracks of a session, on a page that is `page` pixels wide. */
export function lanesOf(timeline: Timeline, page: number): { lanes: Lane[]; height: number } {
  const gap = page <= NARROW.width ? NARROW.gap : GAP;
  let top = AXIS;
  const names = (Object.keys(HEIGHTS) as LaneName[]).filter((name) => OPTIONAL[name]?.(timeline) ?? true);
  const lanes = names.map((name) => {
    const lane = { name, top: top + gap, height: HEIGHTS[name] };
    top = lane.top + lane.height;
    return lane;
  });
  return { lanes, height: top + GAP };
}
