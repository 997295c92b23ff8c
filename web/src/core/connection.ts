/**
 * Connects, and connects again when the connection is lost.
 *
 *   idle → connecting → connected ⇄ reconnecting
 *             ↓              ↓            ↓
 *           failed          idle        failed
 *
 * Each attempt has 5 s. Lost connections are tried again with growing pauses, a bounded
 * number of times. Nothing of a former attempt can disturb a later one.
 */

import { Failure, asFailure } from "./failures";
import type { ClientEvent } from "./realtime";
import { Store } from "./store";
import type { MakeTransport, Transport, TransportListeners } from "./transport";

export type Phase = "idle" | "connecting" | "connected" | "reconnecting" | "failed";

export interface ConnectionState {
  phase: Phase;
  /** Which attempt since the connection was last open, from 1; 0 when none is made. */
  attempt: number;
  lastError: Failure | null;
  /** Whether the voices of both ends pass; only of interest when connected. */
  sound: boolean;
}

export interface ConnectionOptions {
  timeoutMs?: number;
  /** Pauses before the attempts to connect again; as many attempts as there are pauses. */
  backoffMs?: readonly number[];
}

export type ConnectionListeners = Omit<TransportListeners, "lost">;

const IDLE: ConnectionState = { phase: "idle", attempt: 0, lastError: null, sound: false };

export class Connection {
  readonly state = new Store<ConnectionState>(IDLE);
  private readonly timeoutMs: number;
  private readonly backoffMs: readonly number[];
  private transport: Transport | null = null;
  private abort = new AbortController();

  constructor(
    private readonly listeners: ConnectionListeners,
    { timeoutMs = 5_000, backoffMs = [300, 1_000, 2_000, 4_000, 8_000] }: ConnectionOptions = {},
  ) {
    this.timeoutMs = timeoutMs;
    this.backoffMs = backoffMs;
  }

  /** Connects by the first of these that opens; resolves when connected, rejects with a Failure. */
  async connect(...ways: MakeTransport[]): Promise<void> {
    this.stop();
    const { signal } = this.abort;
    this.state.set({ ...IDLE, phase: "connecting", attempt: 1 });
    try {
      await this.openAny(ways, signal);
    } catch (error) {
      if (!signal.aborted) this.fail(asFailure(error));
      throw asFailure(error);
    }
  }

  /** Hangs up; the state is idle at once. */
  disconnect(): void {
    this.stop();
    this.state.set(IDLE);
  }

  /** Sends an event; says whether it could. */
  send(event: ClientEvent): boolean {
    if (this.state.get().phase !== "connected" || !this.transport) return false;
    this.transport.send(event);
    return true;
  }

  replaceTrack(track: MediaStreamTrack): void {
    this.transport?.replaceTrack(track);
  }

  private async openAny(now: readonly MakeTransport[], signal: AbortSignal, ways = now): Promise<void> {
    let first: unknown;
    for (const way of now) {
      try {
        return await this.open(way, ways, signal);
      } catch (error) {
        first ??= error;
        // Another way helps where the network lets this one not through, not where the host says no.
        if (signal.aborted || (error instanceof Failure && error.final)) break;
      }
    }
    throw asFailure(first);
  }

  private async open(way: MakeTransport, ways: readonly MakeTransport[], signal: AbortSignal): Promise<void> {
    const transport = way(this.listenersOf(() => transport, way, ways));
    const attempt = new AbortController();
    const giveUp = (): void => attempt.abort();
    signal.addEventListener("abort", giveUp, { once: true });
    const timer = setTimeout(giveUp, this.timeoutMs);
    try {
      await Promise.race([transport.open(attempt.signal), aborted(attempt.signal)]);
    } catch (error) {
      transport.close();
      throw error;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", giveUp);
    }
    this.transport = transport;
    this.state.set({ ...IDLE, phase: "connected", sound: transport.carriesSound });
  }

  /** Only the transport in use, or one being opened, is listened to. */
  private listenersOf(transport: () => Transport, way: MakeTransport, ways: readonly MakeTransport[]): TransportListeners {
    return {
      ...this.listeners,
      lost: (failure) => {
        if (this.transport !== transport()) return;
        this.close();
        if (failure.final) this.fail(failure);
        else void this.reconnect(way, ways, failure);
      },
    };
  }

  /** By the way that worked, so that a host that is being restarted does not cost the sound; by any if it is blocked. */
  private async reconnect(way: MakeTransport, ways: readonly MakeTransport[], why: Failure): Promise<void> {
    const { signal } = this.abort;
    let lastError = why;
    for (const [index, pause] of this.backoffMs.entries()) {
      this.state.set({ ...IDLE, phase: "reconnecting", attempt: index + 1, lastError });
      try {
        await delay(Math.max(pause, lastError.againMs ?? 0), signal);
        return await this.openAny(lastError.code === "blocked" ? ways : [way], signal, ways);
      } catch (error) {
        if (signal.aborted) return;
        lastError = asFailure(error);
        if (lastError.againMs === null) break;
      }
    }
    this.fail(lastError.final ? lastError : new Failure("lost", { cause: lastError }));
  }

  private fail(lastError: Failure): void {
    this.stop();
    this.state.set({ ...IDLE, phase: "failed", lastError });
  }

  private stop(): void {
    this.abort.abort();
    this.abort = new AbortController();
    this.close();
  }

  private close(): void {
    const { transport } = this;
    this.transport = null;
    transport?.close();
  }
}

/** Rejects with a time-out after the signal was aborted, unless the transport has a better reason at once. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => setTimeout(() => reject(new Failure("timeout")), 0), { once: true });
  });
}

function delay(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new Failure("lost"));
    });
  });
}
