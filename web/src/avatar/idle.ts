/** What a face does when nothing is said: it breathes, blinks, looks about, and pays attention. */

import { AnimationCache } from "../core/animationCache";
import { channel, frameOf } from "../core/channels";
import type { Activity } from "../core/messages";

export type Mood = Activity | "idle";

/** How a face looks while it waits, is spoken to, or thinks. */
const MOODS: Readonly<Record<Mood, Float32Array>> = {
  idle: frameOf({
    mouthSmileLeft: 0.32,
    mouthSmileRight: 0.35,
    mouthDimpleLeft: 0.1,
    mouthDimpleRight: 0.1,
    cheekSquintLeft: 0.18,
    cheekSquintRight: 0.18,
    browInnerUp: 0.06,
  }),
  listening: frameOf({
    mouthSmileLeft: 0.26,
    mouthSmileRight: 0.29,
    cheekSquintLeft: 0.12,
    cheekSquintRight: 0.12,
    browInnerUp: 0.08,
  }),
  hearing: frameOf({
    mouthSmileLeft: 0.16,
    mouthSmileRight: 0.18,
    browInnerUp: 0.16,
    eyeWideLeft: 0.08,
    eyeWideRight: 0.08,
    headRoll: -0.035,
    headPitch: 0.02,
  }),
  thinking: frameOf({
    browInnerUp: 0.12,
    browDownLeft: 0.08,
    mouthPressLeft: 0.12,
    mouthPressRight: 0.12,
    headPitch: -0.03,
    headYaw: 0.05,
    leftEyePitch: -0.12,
    leftEyeYaw: 0.14,
    rightEyePitch: -0.12,
    rightEyeYaw: 0.14,
  }),
  speaking: frameOf({ mouthSmileLeft: 0.06, mouthSmileRight: 0.06, browInnerUp: 0.06 }),
};

const SWAY_MS = 14_000;
const BREATH_MS = 4_200;
const BLINK_MS = 220;
const NOD_MS = 900;
/** How fast one mood becomes another. */
const MOOD_MS = 320;
const GLANCE_MS = 45;

const EYES = [
  [channel("leftEyePitch"), channel("leftEyeYaw")],
  [channel("rightEyePitch"), channel("rightEyeYaw")],
] as const;

/** Something that is done again and again, at times that nobody can foresee. */
class Recurring {
  private startMs = 0;
  private nextMs = 0;

  constructor(
    private readonly durationMs: number,
    private readonly everyMs: readonly [least: number, most: number],
    private readonly random: () => number,
  ) {}

  /** How far it has got, 0 to 1; -1 while nothing is done. */
  progress(nowMs: number): number {
    if (nowMs >= this.nextMs) {
      const [least, most] = this.everyMs;
      // The very first one waits too.
      this.startMs = this.nextMs === 0 ? -this.durationMs : nowMs;
      this.nextMs = nowMs + this.durationMs + least + this.random() * (most - least);
    }
    const progress = (nowMs - this.startMs) / this.durationMs;
    return progress >= 0 && progress <= 1 ? progress : -1;
  }
}

export class IdleLife {
  /** Still, but for lids and lips: what people ask for whom movement makes ill. */
  calm = false;
  mood: Mood = "idle";
  private readonly current = Float32Array.from(MOODS.idle);
  private readonly blink: Recurring;
  private readonly nod: Recurring;
  private lastMs = 0;
  private glanceUntil = 0;
  private readonly glanceTo = new Float32Array(2);
  private readonly glance = new Float32Array(2);

  constructor(
    private readonly motions = new AnimationCache(),
    private readonly random: () => number = Math.random,
  ) {
    this.blink = new Recurring(BLINK_MS, [1_800, 5_600], random);
    this.nod = new Recurring(NOD_MS, [2_400, 6_500], random);
  }

  /** Writes the whole face of this moment. */
  write(frame: Float32Array, nowMs: number): void {
    const elapsed = Math.min(100, Math.max(0, nowMs - this.lastMs));
    this.lastMs = nowMs;
    this.settle(frame, elapsed);
    const blink = this.blink.progress(nowMs);
    if (blink >= 0) this.motions.track("blink", BLINK_MS).addTo(frame, blink);
    if (this.calm) return;
    this.motions.track("sway", SWAY_MS).addTo(frame, (nowMs % SWAY_MS) / SWAY_MS);
    this.motions.track("breath", BREATH_MS).addTo(frame, (nowMs % BREATH_MS) / BREATH_MS);
    const nod = this.mood === "hearing" ? this.nod.progress(nowMs) : -1;
    if (nod >= 0) this.motions.track("nod", NOD_MS).addTo(frame, nod);
    this.lookAbout(frame, nowMs, elapsed);
  }

  private settle(frame: Float32Array, elapsed: number): void {
    const mood = MOODS[this.mood];
    const share = 1 - Math.exp(-elapsed / MOOD_MS);
    for (let index = 0; index < frame.length; index++) {
      const before = this.current[index] ?? 0;
      const value = before + ((mood[index] ?? 0) - before) * share;
      this.current[index] = value;
      frame[index] = value;
    }
  }

  /** Eyes rest on the person and leave them for a moment now and then. */
  private lookAbout(frame: Float32Array, nowMs: number, elapsed: number): void {
    if (nowMs >= this.glanceUntil) {
      const away = this.random() < 0.3;
      this.glanceUntil = nowMs + (away ? 350 : 900) + this.random() * (away ? 700 : 2_600);
      const reach = away ? 0.16 : 0.03;
      this.glanceTo[0] = (this.random() - 0.5) * reach;
      this.glanceTo[1] = (this.random() - 0.5) * 2 * reach;
    }
    const share = 1 - Math.exp(-elapsed / GLANCE_MS);
    for (let axis = 0; axis < 2; axis++) {
      const before = this.glance[axis] ?? 0;
      const value = before + ((this.glanceTo[axis] ?? 0) - before) * share;
      this.glance[axis] = value;
      for (const eye of EYES) {
        const index = eye[axis] ?? 0;
        frame[index] = (frame[index] ?? 0) + value;
      }
    }
  }
}
