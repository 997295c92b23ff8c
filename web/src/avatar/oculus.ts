/** ARKit weights as the 15 Oculus visemes, for heads that have only those. */

import { type ChannelName, channel, frameOf } from "../core/channels";

type Weights = Partial<Record<ChannelName, number>>;

const both = (name: string, weight: number): Weights => ({ [`${name}Left`]: weight, [`${name}Right`]: weight });

/** What each viseme looks like in ARKit shapes: the same table as the host's. */
const SHAPES: Record<string, Weights> = {
  PP: { ...both("mouthPress", 0.5), mouthRollLower: 0.35, mouthRollUpper: 0.3, mouthClose: 0.05 },
  FF: { mouthRollLower: 0.6, ...both("mouthUpperUp", 0.35), ...both("mouthLowerDown", 0.05), jawOpen: 0.04 },
  TH: { jawOpen: 0.16, ...both("mouthLowerDown", 0.2), ...both("mouthUpperUp", 0.1), tongueOut: 0.55 },
  DD: { jawOpen: 0.14, ...both("mouthLowerDown", 0.3), ...both("mouthUpperUp", 0.1), ...both("mouthStretch", 0.1) },
  kk: { jawOpen: 0.22, ...both("mouthLowerDown", 0.15), ...both("mouthStretch", 0.15) },
  CH: { mouthFunnel: 0.55, mouthPucker: 0.2, jawOpen: 0.08, mouthShrugUpper: 0.15 },
  SS: {
    jawOpen: 0.05,
    ...both("mouthStretch", 0.3),
    ...both("mouthLowerDown", 0.35),
    ...both("mouthUpperUp", 0.15),
    ...both("mouthSmile", 0.1),
  },
  nn: { jawOpen: 0.12, ...both("mouthLowerDown", 0.25), ...both("mouthStretch", 0.1) },
  RR: { mouthFunnel: 0.35, mouthPucker: 0.35, jawOpen: 0.14 },
  aa: { jawOpen: 0.55, ...both("mouthLowerDown", 0.15), ...both("mouthUpperUp", 0.1), ...both("mouthStretch", 0.1) },
  E: {
    jawOpen: 0.3,
    ...both("mouthStretch", 0.3),
    ...both("mouthSmile", 0.15),
    ...both("mouthLowerDown", 0.15),
    ...both("mouthUpperUp", 0.1),
  },
  I: { jawOpen: 0.14, ...both("mouthSmile", 0.35), ...both("mouthStretch", 0.25), ...both("mouthLowerDown", 0.2) },
  O: { jawOpen: 0.36, mouthFunnel: 0.55, mouthPucker: 0.2 },
  U: { jawOpen: 0.1, mouthPucker: 0.75, mouthFunnel: 0.25 },
};

const NAMES = Object.keys(SHAPES);
const FRAMES = NAMES.map((name) => frameOf(SHAPES[name] ?? {}));
const SQUARES = FRAMES.map((frame) => frame.reduce((sum, value) => sum + value * value, 0));
const MOUTH = [...new Set(FRAMES.flatMap((frame) => [...frame.keys()].filter((index) => frame[index] !== 0)))];
/** A mouth is at most between this many sounds. */
const MIXED = 3;

/** The names as a head spells them: `viseme_aa` or plain `aa`. */
export const OCULUS_NAMES: readonly string[] = NAMES;

export class OculusMouth {
  /** The weight of each of `OCULUS_NAMES`, as of the last `read`. */
  readonly weights = new Float32Array(NAMES.length);
  private readonly rest = new Float32Array(channel("tongueOut") + 1);

  /** Finds the visemes that together look most like this frame: the likest first, then for what is left. */
  read(frame: Float32Array): void {
    for (const index of MOUTH) this.rest[index] = frame[index] ?? 0;
    this.weights.fill(0);
    for (let round = 0; round < MIXED; round++) {
      const best = this.likest();
      if (best < 0) return;
      const share = Math.min(1 - (this.weights[best] ?? 0), this.overlap(best) / (SQUARES[best] ?? 1));
      this.weights[best] = (this.weights[best] ?? 0) + share;
      this.take(best, share);
    }
  }

  private likest(): number {
    let best = -1;
    let most = 0.02; // Less than this is no mouth shape.
    for (let viseme = 0; viseme < FRAMES.length; viseme++) {
      const likeness = this.overlap(viseme) / Math.sqrt(SQUARES[viseme] ?? 1);
      if (likeness > most) {
        most = likeness;
        best = viseme;
      }
    }
    return best;
  }

  private overlap(viseme: number): number {
    let sum = 0;
    for (const index of MOUTH) sum += (this.rest[index] ?? 0) * (FRAMES[viseme]?.[index] ?? 0);
    return sum;
  }

  private take(viseme: number, share: number): void {
    for (const index of MOUTH) this.rest[index] = (this.rest[index] ?? 0) - share * (FRAMES[viseme]?.[index] ?? 0);
  }
}
