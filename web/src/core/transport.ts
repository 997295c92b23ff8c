/** What carries a call, whatever it is made of: a WebRTC peer, or a WebSocket. */

import type { Failure } from "./failures";
import type { ClientEvent, ServerEvent } from "./realtime";

export interface TransportListeners {
  event(event: ServerEvent): void;
  batch(bytes: ArrayBuffer): void;
  /** The voice of the other end, and whom to ask how far it was played. */
  voice(stream: MediaStream, receiver: RTCRtpReceiver): void;
  /** It broke after it had been open. */
  lost(failure: Failure): void;
}

export interface Transport {
  /** Whether the voices of both ends pass; without, one can type and read. */
  readonly carriesSound: boolean;
  /** Resolves once events can be sent; rejects with a Failure. Given up when the signal is aborted. */
  open(signal: AbortSignal): Promise<void>;
  send(event: ClientEvent): void;
  /** Another microphone takes over. */
  replaceTrack(track: MediaStreamTrack): void;
  /** Hangs up and frees all; may be called at any time, more than once. */
  close(): void;
}

export type MakeTransport = (listeners: TransportListeners) => Transport;
