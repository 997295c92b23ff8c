/** What the network and the sound card add to the silence before an answer, as the browser measures it. */

import { OutputDelay } from "./playoutClock";
import type { Network } from "./protocol";

type Measured = Omit<Network, "type" | "cause">;

interface PairStats {
  type?: string;
  nominated?: boolean;
  currentRoundTripTime?: number;
}

interface InboundStats {
  type?: string;
  kind?: string;
  jitterBufferDelay?: number;
  jitterBufferEmittedCount?: number;
}

/** Averages between two looks at the statistics of a peer. */
export class NetworkMeter {
  private readonly output = new OutputDelay();
  private delaySeconds = 0;
  private emitted = 0;

  measure(report: Iterable<[string, unknown]>): Measured {
    const entries = [...report];
    return {
      rtt: roundTripMs(entries),
      jitter_buffer: this.bufferedMs(entries),
      playout: rounded(this.output.measure(entries)),
    };
  }

  private bufferedMs(entries: [string, unknown][]): number | null {
    for (const [, entry] of entries) {
      const stats = entry as InboundStats;
      if (stats.type !== "inbound-rtp" || stats.kind !== "audio" || !stats.jitterBufferEmittedCount) continue;
      const delay = (stats.jitterBufferDelay ?? 0) - this.delaySeconds;
      const emitted = stats.jitterBufferEmittedCount - this.emitted;
      this.delaySeconds = stats.jitterBufferDelay ?? 0;
      this.emitted = stats.jitterBufferEmittedCount;
      return emitted > 0 ? rounded((delay / emitted) * 1_000) : null;
    }
    return null;
  }
}

function roundTripMs(entries: [string, unknown][]): number | null {
  for (const [, entry] of entries) {
    const { type, nominated, currentRoundTripTime } = entry as PairStats;
    if (type === "candidate-pair" && nominated && currentRoundTripTime !== undefined) {
      return rounded(currentRoundTripTime * 1_000);
    }
  }
  return null;
}

/** In hundredths; null for what is no duration. */
function rounded(ms: number | null): number | null {
  return ms === null || !(ms >= 0) ? null : Math.round(ms * 100) / 100;
}
