/** Everything of a session as rows of a table, for those who cannot see the tracks. */

import type { Timeline } from "../documents";
import { duration, moment } from "../format";
import { type ConsoleWords, partName } from "../words";
import { troubleText } from "./drawEvents";
import type { View } from "./scale";

export interface Row {
  at: number;
  what: string;
  detail: string;
}

/** The rows of what lies in a view, in order. */
export function rowsOf(timeline: Timeline, { from, to }: View, words: ConsoleWords): Row[] {
  const all = [...turns(timeline, words), ...sounds(timeline, words), ...events(timeline, words)];
  return all.filter(({ at }) => at >= from && at <= to).sort((a, b) => a.at - b.at);
}

function turns({ turns }: Timeline, words: ConsoleWords): Row[] {
  return turns.map(({ start, number, heard, silence, outcome, why, parts }) => {
    const divided = Object.entries(parts).map(([part, ms]) => `${partName(words, part)} ${duration(ms)}`);
    const whole = silence === null ? why : `${words.silenceOf(duration(silence))}: ${divided.join(", ")}`;
    return { at: start, what: words.turn(number), detail: [words.outcomes[outcome ?? ""], heard, whole].filter(Boolean).join(" · ") };
  });
}

function sounds({ speech, playbacks, face }: Timeline, words: ConsoleWords): Row[] {
  return [
    ...speech.map(({ start, end }) => ({ at: start, what: words.speech, detail: until(start, end) })),
    ...playbacks.map(({ start, end, text, cut }) => {
      const length = end === null ? "" : until(start, end);
      return { at: start, what: words.playback, detail: [text, length, cut ? words.cut : ""].filter(Boolean).join(" · ") };
    }),
    ...face.map(({ start, end }) => ({ at: start, what: words.lanes.face, detail: until(start, end) })),
  ];
}

function events({ causes, troubles, queues }: Timeline, words: ConsoleWords): Row[] {
  return [
    ...causes.map(({ at, what, reason, cause }) => {
      return { at, what: words.changes[what], detail: [words.cause(cause), reason].filter(Boolean).join(" · ") };
    }),
    ...troubles.map((trouble) => ({ at: trouble.at, what: words.troubles[trouble.kind], detail: troubleText(trouble, words) })),
    ...queues.map(({ at, link, depth, age }) => {
      return { at, what: words.queue, detail: `${link} · ${words.waiting(depth, duration(age))}` };
    }),
  ];
}

function until(start: number, end: number): string {
  return `– ${moment(end, 2)} (${duration(end - start)})`;
}
