/** What the face is to do right now: the frames that were sent, by the clock of what is heard. */

import { AvatarTrack } from "./avatarTrack";
import { OutputDelay, PlayoutClock } from "./playoutClock";
import { ProtocolError, decodeAvatarBatch } from "./protocol";

/** How often the delay of the audio device is looked at. */
const LOOK_MS = 2_000;

export class FaceFeed {
  readonly track = new AvatarTrack();
  /** Batches that could not be read. */
  refused = 0;
  private clock: PlayoutClock | null = null;
  private timer: ReturnType<typeof setInterval> | undefined;

  /** The RTP time that is heard; null while nothing is. */
  heardAt(nowMs: number): number | null {
    return this.clock?.at(nowMs) ?? null;
  }

  receive(bytes: ArrayBuffer): void {
    try {
      this.track.push(decodeAvatarBatch(bytes), performance.now());
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.refused++;
    }
  }

  flush(cause: number): void {
    this.track.flush(cause, performance.now());
  }

  listenTo(receiver: RTCRtpReceiver): void {
    this.clear();
    const clock = new PlayoutClock(receiver);
    const output = new OutputDelay();
    this.clock = clock;
    this.timer = setInterval(() => {
      receiver.getStats().then(
        (report) => (clock.outputDelayMs = output.measure(report) ?? clock.outputDelayMs),
        () => undefined, // The peer is being closed.
      );
    }, LOOK_MS);
  }

  clear(): void {
    clearInterval(this.timer);
    this.clock = null;
    this.track.clear();
  }
}
