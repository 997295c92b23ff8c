/**
 * Notices that a call has ended at the host without a word: the host has crashed, say, and runs again.
 *
 * The host sends sound or its keep-alive every 400 ms. When none arrives, the host is asked for the
 * call. If it does not know the call, the call is lost. If it does, or cannot be reached, only the
 * network is to blame: the connection may recover, and RTCPeerConnection tells if it does not.
 */

/** The part of RTCRtpReceiver that is asked. */
export interface PacketSource {
  getSynchronizationSources(): { timestamp: number }[];
}

/** Three keep-alives of the host. */
const SILENT_MS = 1_200;
const LOOK_MS = 300;
/** How long the host may take for an answer; longer than it takes to be replaced. */
const ANSWER_MS = 3_000;

export class CallWatch {
  private readonly timer: ReturnType<typeof setInterval>;
  private latest = 0;
  private changedMs = 0;
  private asking = false;
  private stopped = false;

  constructor(
    private readonly source: PacketSource,
    private readonly address: () => string | null,
    private readonly lost: () => void,
  ) {
    this.timer = setInterval(() => this.look(), LOOK_MS);
  }

  stop(): void {
    this.stopped = true;
    clearInterval(this.timer);
  }

  private look(): void {
    const timestamp = this.source.getSynchronizationSources()[0]?.timestamp ?? 0;
    const nowMs = performance.now();
    if (timestamp !== this.latest) {
      this.latest = timestamp;
      this.changedMs = nowMs;
    } else if (timestamp !== 0 && nowMs - this.changedMs > SILENT_MS) {
      void this.ask();
    }
  }

  private async ask(): Promise<void> {
    const address = this.address();
    if (this.asking || address === null) return;
    this.asking = true;
    const unknown = await isUnknown(address);
    this.asking = false;
    if (unknown && !this.stopped) this.lost();
  }
}

/** Whether the host answers that there is no such call. */
async function isUnknown(address: string): Promise<boolean> {
  try {
    return (await fetch(address, { signal: AbortSignal.timeout(ANSWER_MS) })).status === 404;
  } catch {
    return false;
  }
}
