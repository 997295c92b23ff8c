/** Draws what is visible of a session. */

import { STEP, type Timeline, type TurnEntry } from "../documents";
import { duration, moment } from "../format";
import { gradeSilence } from "../grades";
import { partName } from "../words";
import { drawCauses, drawTroubles } from "./drawEvents";
import { AXIS, type Lane, type LaneName } from "./lanes";
import type { Pen } from "./pen";
import { type View, columns, ticks } from "./scale";

/** The silence that takes the whole height where turns are dense, in ms. */
export const HIGHEST = 3_000;
export const GRADES = { good: "accent", fair: "caution", poor: "alarm" } as const;

type Draw = (pen: Pen, timeline: Timeline, lane: Lane) => void;

const LANES: Record<LaneName, Draw> = {
  caller: drawCaller,
  turns: drawTurns,
  causes: drawCauses,
  assistant: drawAssistant,
  face: drawFace,
  queues: drawQueues,
  troubles: drawTroubles,
};

export function draw(pen: Pen, timeline: Timeline, lanes: readonly Lane[], height: number, selected: TurnEntry | null): void {
  pen.canvas.clearRect(0, 0, pen.scale.width, height);
  if (selected) drawSelected(pen, stretchOf(timeline, selected), height);
  drawAxis(pen, height);
  for (const lane of lanes) LANES[lane.name](pen, timeline, lane);
}

/** A turn with its answer: up to the next turn, or the end of what was played. */
export function stretchOf(timeline: Timeline, turn: TurnEntry): View {
  const next = timeline.turns.find(({ number }) => number === turn.number + 1)?.start ?? timeline.duration;
  const answers = timeline.playbacks.filter(({ cause }) => cause === turn.cause);
  const heard = Math.max(turn.voice_end + (turn.silence ?? 1_000), ...answers.map(({ end }) => end ?? timeline.duration));
  return { from: turn.start, to: Math.min(next, heard) };
}

function drawSelected({ canvas, scale, colours }: Pen, { from, to }: View, height: number): void {
  canvas.fillStyle = colours.selected;
  canvas.fillRect(scale.x(from) - 3, AXIS, scale.x(to) - scale.x(from) + 6, height - AXIS);
}

function drawAxis(pen: Pen, height: number): void {
  const { canvas, scale, colours } = pen;
  const { step, at } = ticks(scale, 90);
  const digits = step < 100 ? 2 : step < 1_000 ? 1 : 0;
  canvas.fillStyle = colours.line;
  for (const tick of at) canvas.fillRect(Math.round(scale.x(tick)), AXIS - 4, 1, height - AXIS + 4);
  for (const tick of at) pen.text(moment(tick, digits), scale.x(tick) - 1, AXIS / 2 - 1, 80, colours.soft, 11);
}

function drawWave(pen: Pen, envelope: Timeline["caller"], top: number, height: number, colour: string): void {
  const { canvas, scale } = pen;
  canvas.fillStyle = colour;
  columns(envelope.peaks, envelope.step, scale).forEach((share, x) => {
    const high = Math.max(1, share * height);
    canvas.fillRect(x, top + (height - high) / 2, 1, high);
  });
}

function drawCaller(pen: Pen, { caller, speech }: Timeline, { top, height }: Lane): void {
  const { scale, colours, words } = pen;
  for (const { start, end } of speech.filter(({ start, end }) => scale.shows(start, end))) {
    const [left, width] = [scale.x(start), scale.x(end) - scale.x(start)];
    pen.canvas.globalAlpha = 0.16;
    pen.box(left, top, width, height, colours.voice, 4);
    pen.canvas.globalAlpha = 1;
    pen.mark(left, top, width, height, `${words.speech} ${moment(start, 2)} – ${moment(end, 2)} (${duration(end - start)})`);
  }
  drawWave(pen, caller, top + 2, height - 4, colours.voice);
}

/** Pixels that a turn needs for its waterfall. */
const ROOM = 26;

function drawTurns(pen: Pen, { turns, duration: whole }: Timeline, { top, height }: Lane): void {
  const room = pen.scale.x((whole - (turns[0]?.start ?? 0)) / Math.max(1, turns.length)) - pen.scale.x(0);
  turns.forEach((turn, n) => {
    const next = turns[n + 1]?.start ?? whole;
    if (!pen.scale.shows(turn.start, next)) return;
    if (room < ROOM) drawSilence(pen, turn, room, top, height);
    else drawTurn(pen, turn, next, top, height);
  });
}

/** Where turns are dense, a bar as high as the silence is long. */
function drawSilence(pen: Pen, turn: TurnEntry, room: number, top: number, height: number): void {
  const { scale, colours } = pen;
  const lost = turn.outcome === "unanswered";
  if (turn.silence === null && !lost) return;
  const grade = turn.over_budget || lost ? "poor" : turn.budget === null ? gradeSilence(turn.silence) : "good";
  const high = lost ? height : Math.min(1, (turn.silence ?? 0) / HIGHEST) * height;
  const left = scale.x(turn.voice_end);
  pen.box(left, top + height - high, Math.max(2, room * 0.6), high, colours[GRADES[grade]], 1);
  pen.mark(left, top, Math.max(2, room * 0.6), height, turnText(pen, turn));
}

function drawTurn(pen: Pen, turn: TurnEntry, next: number, top: number, height: number): void {
  const { scale, colours, words } = pen;
  const [left, voiceEnd, room] = [scale.x(turn.start), scale.x(turn.voice_end), scale.x(next) - scale.x(turn.start) - 6];
  const bar = height * 0.5;
  const voice = Math.max(2, voiceEnd - left);
  pen.box(left, top + bar / 2 - 1.5, voice, 3, colours.voice);
  pen.box(left, top, 2, bar, colours.voice);
  pen.mark(left, top, Math.max(voice, room), height, turnText(pen, turn));
  const end = drawParts(pen, turn, top, bar);
  if (turn.silence === null) {
    const lost = turn.outcome === "unanswered" || turn.outcome === "abandoned";
    const label = words.outcomes[turn.outcome ?? ""];
    pen.text(label, voiceEnd + 6, top + bar / 2, room - voice, lost ? colours.poor : colours.soft, 11, 600);
  } else {
    const over = turn.over_budget !== "";
    pen.text(duration(turn.silence), end + 6, top + bar / 2, scale.x(next) - end - 8, over ? colours.poor : colours.ink, 11, 600);
  }
  pen.text(`#${turn.number}  ${turn.heard}`, left, top + height - 9, room, colours.ink);
}

/** The waterfall: each part after the one before it. Returns where it ends. */
function drawParts(pen: Pen, turn: TurnEntry, top: number, height: number): number {
  const { scale, colours, words } = pen;
  let at = turn.voice_end;
  for (const [part, ms] of Object.entries(turn.parts)) {
    const [left, right] = [scale.x(at), scale.x(at + ms)];
    at += ms;
    if (ms <= 0) continue;
    const width = right - left;
    pen.box(left, top, width > 3 ? width - 1 : width, height, colours.part(part), 3);
    pen.mark(left, top, width, height, `${partName(words, part)}: ${duration(ms)}\n${words.parts[part]?.[1] ?? ""}`);
  }
  return scale.x(at);
}

function turnText({ words }: Pen, turn: TurnEntry): string {
  const silence = turn.silence === null ? words.outcomes[turn.outcome ?? ""] : words.silenceOf(duration(turn.silence));
  return [`${words.turn(turn.number)} · ${moment(turn.start, 1)} · ${silence}`, turn.heard, turn.why].filter(Boolean).join("\n");
}

function drawAssistant(pen: Pen, { assistant, playbacks, duration: whole }: Timeline, { top, height }: Lane): void {
  const { scale, colours, words } = pen;
  const label = 20;
  drawWave(pen, assistant, top + label, height - label, colours.answer);
  playbacks.forEach(({ start, end, text, cut }) => {
    const stop = end ?? whole;
    if (!scale.shows(start, stop)) return;
    const [left, width] = [scale.x(start), scale.x(stop) - scale.x(start)];
    pen.canvas.globalAlpha = 0.16;
    pen.box(left, top, width - 1, height, colours.answer, 4);
    pen.canvas.globalAlpha = 1;
    if (cut) pen.box(left + width - 3, top, 3, height, colours.alarm);
    pen.text(text, left + 4, top + label / 2, width - 8, colours.ink);
    const ended = cut ? ` · ${words.cut}` : "";
    pen.mark(left, top, width, height, `${text}\n${moment(start, 2)} – ${moment(stop, 2)} (${duration(stop - start)})${ended}`);
  });
}

function drawFace(pen: Pen, { face }: Timeline, { top, height }: Lane): void {
  const { canvas, scale, colours } = pen;
  canvas.fillStyle = colours.answer;
  for (const { start, end, jaw } of face.filter(({ start, end }) => scale.shows(start, end))) {
    const left = scale.x(start);
    const first = Math.max(0, Math.floor((scale.view.from - start) / STEP));
    const last = Math.min(jaw.length - 1, Math.ceil((scale.view.to - start) / STEP));
    canvas.beginPath();
    canvas.moveTo(scale.x(start + first * STEP), top + height);
    for (let n = first; n <= last; n++) canvas.lineTo(scale.x(start + n * STEP), top + height - ((jaw[n] ?? 0) / 255) * height);
    canvas.lineTo(scale.x(Math.min(end, start + last * STEP)), top + height);
    canvas.globalAlpha = 0.65;
    canvas.fill();
    canvas.globalAlpha = 1;
    pen.mark(left, top, scale.x(end) - left, height, `${pen.words.lanes.face} ${moment(start, 1)} – ${moment(end, 1)}`);
  }
}

function drawQueues(pen: Pen, { queues }: Timeline, { top, height }: Lane): void {
  const { scale, colours, words } = pen;
  const most = Math.max(1_000, ...queues.map(({ age }) => age));
  const shown = queues.filter(({ at }) => scale.shows(at, at + 1_000)).sort((a, b) => b.age - a.age);
  for (const { at, link, depth, age } of shown) {
    const [left, width] = [scale.x(at), Math.max(2, scale.x(at + 1_000) - scale.x(at) - 1)];
    const high = Math.max(3, (age / most) * height);
    const colour = age >= 1_000 ? colours.alarm : age >= 200 ? colours.caution : colours.soft;
    pen.box(left, top + height - high, width, high, colour);
    pen.mark(left, top, width, height, `${link}\n${words.waiting(depth, duration(age))}`);
  }
}
