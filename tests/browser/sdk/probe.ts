/**
 * Watches a call from outside the page, which knows nothing of it: what the microphone gives,
 * what is heard, what the events say, and what the page's own clock and face make of it.
 *
 * Put into the page before its own scripts. `tap.js` must be served as /tap.js of its origin. All
 * times are milliseconds since 1970, for the tap has another clock than the page.
 */

import { channel } from "../../../web/src/core/channels";
import { FaceFeed } from "../../../web/src/core/faceFeed";
import { AVATAR_CHANNEL, AVATAR_VALUES, EVENTS_CHANNEL } from "../../../web/src/core/protocol";
import type { Answer, Question } from "./tap";

/** How often the face is looked at. The page does so once a drawn frame, which depends on the machine. */
const LOOK_MS = 5;
const MOUTH = ["jawOpen", "mouthPucker", "mouthFunnel", "mouthStretchLeft", "mouthClose"] as const;

class Probe {
  readonly events: { now: number; type: string; event: unknown }[] = [];
  /** When, the RTP time that is heard by the page's clock, whether frames are shown, and MOUTH's weights. */
  readonly looks: number[][] = [];
  /** Where each batch of frames begins: RTP time, and the jaw of each frame. */
  readonly batches: { rtp: number; rate: number; cause: number; jaw: number[] }[] = [];
  peer: RTCPeerConnection | null = null;
  private readonly feed = new FaceFeed();
  private worker: Worker | null = null;

  watchMicrophone(stream: MediaStream): void {
    for (const track of stream.getAudioTracks()) this.record("microphone", track);
  }

  watchPeer(peer: RTCPeerConnection): void {
    this.peer = peer;
    peer.addEventListener("track", ({ track, receiver }) => {
      this.feed.listenTo(receiver);
      this.record("heard", track);
      setInterval(() => this.look(), LOOK_MS);
    });
  }

  watchChannel(opened: RTCDataChannel): void {
    opened.addEventListener("message", ({ data }: MessageEvent<unknown>) => {
      if (opened.label === EVENTS_CHANNEL && typeof data === "string") this.happened(data);
      if (opened.label === AVATAR_CHANNEL && data instanceof ArrayBuffer) this.shown(data);
    });
  }

  async tell(): Promise<Record<string, unknown>> {
    const stats = [...((await this.peer?.getStats())?.values() ?? [])] as Record<string, unknown>[];
    const sounds = await this.recorded();
    const { events, looks, batches } = this;
    return { ...sounds, events, looks, batches, stats: stats.filter(({ type }) => type !== "codec") };
  }

  /** Made when it is needed: the empty page before the first one has no worker. */
  private get tap(): Worker {
    return (this.worker ??= new Worker("/tap.js"));
  }

  private recorded(): Promise<Answer> {
    return new Promise((resolve) => {
      this.tap.onmessage = ({ data }: MessageEvent<Answer>) => resolve(data);
      this.tap.postMessage("tell" satisfies Question);
    });
  }

  private happened(text: string): void {
    const event = JSON.parse(text) as { type: string; cause?: number };
    this.events.push({ now: performance.timeOrigin + performance.now(), type: event.type, event });
    if (event.type === "vitagraph.flush") this.feed.flush(event.cause ?? -1);
  }

  private shown(bytes: ArrayBuffer): void {
    this.feed.receive(bytes);
    const view = new DataView(bytes);
    const jaw = Array.from({ length: view.getUint16(2, true) }, (_, index) =>
      view.getUint8(16 + index * 66 + channel("jawOpen")),
    );
    this.batches.push({ rtp: view.getUint32(8, true), rate: view.getUint8(1), cause: view.getUint32(4, true), jaw });
  }

  private look(): void {
    const now = performance.now();
    const rtp = this.feed.heardAt(now);
    if (rtp === null) return;
    const frame = new Float32Array(AVATAR_VALUES);
    const live = this.feed.track.sample(rtp, frame);
    this.looks.push([performance.timeOrigin + now, rtp, Number(live), ...MOUTH.map((name) => frame[channel(name)] ?? 0)]);
  }

  /** Has the tap record a track: its frames as they are given out, before any queue of Web Audio. */
  private record(name: string, track: MediaStreamTrack): void {
    // Shorter than what a worker may be late by when the machine is busy, and frames are lost.
    const frames = new MediaStreamTrackProcessor({ track, maxBufferSize: 500 }).readable;
    this.tap.postMessage({ name, frames } satisfies Question, [frames]);
  }
}

/** Not yet among the types of the DOM. */
declare class MediaStreamTrackProcessor {
  constructor(options: { track: MediaStreamTrack; maxBufferSize: number });
  readonly readable: ReadableStream<AudioData>;
}

const probe = new Probe();
Object.assign(globalThis, { probe });

const media = navigator.mediaDevices;
if (media) {
  const open = media.getUserMedia.bind(media);
  media.getUserMedia = async (constraints) => {
    const stream = await open(constraints);
    probe.watchMicrophone(stream);
    return stream;
  };
}

globalThis.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(configuration?: RTCConfiguration) {
    super(configuration);
    probe.watchPeer(this);
  }

  override createDataChannel(label: string, options?: RTCDataChannelInit): RTCDataChannel {
    const opened = super.createDataChannel(label, options);
    probe.watchChannel(opened);
    return opened;
  }
};
