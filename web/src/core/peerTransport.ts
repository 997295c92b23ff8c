/** A call by WebRTC: sound both ways, events and avatar batches on data channels. */

import { CallWatch } from "./callWatch";
import { Failure, asFailure, failureOf } from "./failures";
import { NetworkMeter } from "./networkMeter";
import { AVATAR_CHANNEL, AVATAR_CHANNEL_OPTIONS, EVENTS_CHANNEL } from "./protocol";
import { CALLS_PATH, type ClientEvent, parseServerEvent } from "./realtime";
import type { Token } from "./token";
import type { Transport, TransportListeners } from "./transport";

export interface PeerOptions {
  graph: string;
  microphone: MediaStream;
  iceServers?: RTCIceServer[] | undefined;
  /** What lets the page call. */
  token?: Token;
  /** What paths are relative to. */
  base?: string;
}

/** How long candidates are gathered at most; those of the own machine take a few ms. */
const GATHER_MS = 1_000;
/** A peer often comes back from "disconnected" by itself. */
const DISCONNECTED_MS = 3_000;

export class PeerTransport implements Transport {
  readonly carriesSound = true;
  private readonly peer: RTCPeerConnection;
  private readonly events: RTCDataChannel;
  private readonly avatar: RTCDataChannel;
  private readonly network = new NetworkMeter();
  private location: string | null = null;
  private watch: CallWatch | null = null;
  private disconnected: ReturnType<typeof setTimeout> | undefined;
  private closed = false;

  constructor(
    private readonly options: PeerOptions,
    private readonly listeners: TransportListeners,
  ) {
    this.peer = new RTCPeerConnection({ iceServers: options.iceServers ?? [] });
    for (const track of options.microphone.getAudioTracks()) this.peer.addTrack(track, options.microphone);
    this.events = this.peer.createDataChannel(EVENTS_CHANNEL);
    this.avatar = this.peer.createDataChannel(AVATAR_CHANNEL, AVATAR_CHANNEL_OPTIONS);
    this.avatar.binaryType = "arraybuffer";
    this.listen();
  }

  async open(signal: AbortSignal): Promise<void> {
    const connected = this.connected(signal);
    connected.catch(() => undefined); // It may fail while the offer is still being made.
    await this.peer.setLocalDescription(await this.peer.createOffer());
    await this.gathered(signal);
    const answer = await this.call(this.peer.localDescription?.sdp ?? "", signal);
    await this.peer.setRemoteDescription({ type: "answer", sdp: answer });
    await connected;
  }

  send(event: ClientEvent): void {
    if (this.events.readyState === "open") this.events.send(JSON.stringify(event));
  }

  replaceTrack(track: MediaStreamTrack): void {
    const sender = this.peer.getSenders().find((one) => one.track?.kind === "audio");
    sender?.replaceTrack(track).catch(() => undefined); // It fails only on a peer that is being closed.
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    clearTimeout(this.disconnected);
    this.watch?.stop();
    this.events.close();
    this.avatar.close();
    this.peer.close();
    this.hangUp();
  }

  private listen(): void {
    this.peer.ontrack = ({ streams, track, receiver }) => {
      this.watch ??= new CallWatch(receiver, () => this.location, () => this.lose("lost"));
      this.listeners.voice(streams[0] ?? new MediaStream([track]), receiver);
    };
    this.events.onmessage = ({ data }) => {
      const event = typeof data === "string" ? parseServerEvent(data) : null;
      if (!event || this.closed) return;
      if (event.type === "vitagraph.turn") void this.tellNetwork(event.cause);
      this.listeners.event(event);
    };
    this.avatar.onmessage = ({ data }) => {
      if (data instanceof ArrayBuffer && !this.closed) this.listeners.batch(data);
    };
    this.events.onclose = () => this.lose("ended");
    this.peer.onconnectionstatechange = () => this.peerChanged();
  }

  /** After each answer the host is told what the network added to the silence before it. */
  private async tellNetwork(cause: number): Promise<void> {
    const report = await this.peer.getStats().catch(() => null);
    if (report) this.send({ type: "vitagraph.network", cause, ...this.network.measure(report) });
  }

  private peerChanged(): void {
    clearTimeout(this.disconnected);
    const { connectionState } = this.peer;
    if (connectionState === "failed") this.lose("lost");
    if (connectionState === "disconnected") this.disconnected = setTimeout(() => this.lose("lost"), DISCONNECTED_MS);
  }

  private lose(code: "ended" | "lost"): void {
    if (this.closed) return;
    // A channel that closes because the network is gone is no hanging up.
    const gone = code === "ended" && this.peer.connectionState !== "connected";
    this.listeners.lost(new Failure(gone ? "lost" : code));
  }

  /** Resolves once the event channel is open. */
  private connected(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      this.events.onopen = () => resolve();
      this.peer.addEventListener("connectionstatechange", () => {
        if (this.peer.connectionState === "failed") reject(new Failure("blocked"));
      });
      signal.addEventListener("abort", () => reject(new Failure(this.location ? "blocked" : "timeout")));
    });
  }

  private gathered(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, GATHER_MS);
      const check = (): void => {
        if (this.peer.iceGatheringState !== "complete" && !signal.aborted) return;
        clearTimeout(timer);
        resolve();
      };
      this.peer.addEventListener("icegatheringstatechange", check);
      signal.addEventListener("abort", check);
      check();
    });
  }

  /** Sends the offer; gives back the answer's SDP. */
  private async call(sdp: string, signal: AbortSignal): Promise<string> {
    const url = new URL(CALLS_PATH, this.options.base ?? document.baseURI);
    url.searchParams.set("graph", this.options.graph);
    const response = await this.post(url, sdp, signal);
    if (!response.ok) throw await failureOf(response);
    const location = response.headers.get("Location");
    this.location = location ? new URL(location, url).href : null;
    const answer = await response.text();
    if (this.closed) this.hangUp(); // The person hung up while the host was answering.
    return answer;
  }

  /** Tells the host, which would otherwise find out by itself some seconds later. */
  private hangUp(): void {
    // keepalive: it goes out even while the tab is being closed.
    if (this.location) fetch(this.location, { method: "DELETE", keepalive: true }).catch(() => undefined);
  }

  private async post(url: URL, sdp: string, signal: AbortSignal): Promise<Response> {
    try {
      return await fetch(url, {
        method: "POST",
        headers: { "Content-Type": "application/sdp", ...this.options.token?.headers() },
        body: sdp,
        signal,
      });
    } catch (error) {
      throw asFailure(error, signal.aborted ? "timeout" : "unreachable");
    }
  }
}

/** Whether this browser can call at all, and why not. */
export function whyNoCalls(): Failure | null {
  if (typeof RTCPeerConnection === "undefined") return new Failure("unsupported");
  if (!globalThis.isSecureContext) return new Failure("insecure");
  // Not there on old browsers, whatever the types say.
  const media = navigator.mediaDevices as MediaDevices | undefined;
  return media ? null : new Failure("unsupported");
}
