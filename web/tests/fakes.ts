/** Stand-ins for the browser, driven by the test. */

import { vi } from "vitest";

import { type ChannelName, frameOf } from "../src/core/channels";
import { AVATAR_FRAME_BYTES, AVATAR_HEADER_BYTES, AVATAR_POSE_SCALE, AVATAR_WEIGHTS } from "../src/core/protocol";
import type { ClientEvent } from "../src/core/realtime";
import type { Transport, TransportListeners } from "../src/core/transport";

interface BatchSpec {
  version?: number;
  rate?: number;
  cause?: number;
  rtp?: number;
  end?: boolean;
  frames: Partial<Record<ChannelName, number>>[];
}

/** The bytes of an avatar batch, as the host writes them. */
export function batchBytes({ version = 1, rate = 60, cause = 1, rtp = 0, end = false, frames }: BatchSpec): ArrayBuffer {
  const view = new DataView(new ArrayBuffer(AVATAR_HEADER_BYTES + frames.length * AVATAR_FRAME_BYTES));
  view.setUint8(0, version);
  view.setUint8(1, rate);
  view.setUint16(2, frames.length, true);
  view.setUint32(4, cause, true);
  view.setUint32(8, rtp, true);
  view.setUint32(12, end ? 1 : 0, true);
  frames.forEach((spec, index) => {
    const at = AVATAR_HEADER_BYTES + index * AVATAR_FRAME_BYTES;
    frameOf(spec).forEach((value, column) => {
      if (column < AVATAR_WEIGHTS) view.setUint8(at + column, Math.round(value * 255));
      else view.setInt16(at + AVATAR_WEIGHTS + 2 * (column - AVATAR_WEIGHTS), Math.round(value * AVATAR_POSE_SCALE), true);
    });
  });
  return view.buffer;
}

/** A transport that opens, fails or hangs as it is told. */
export class FakeTransport implements Transport {
  static made: FakeTransport[] = [];
  readonly carriesSound: boolean = true;
  readonly sent: ClientEvent[] = [];
  readonly replaced: MediaStreamTrack[] = [];
  closed = 0;
  succeed!: () => void;
  fail!: (error: unknown) => void;
  signal: AbortSignal | null = null;

  constructor(readonly listeners: TransportListeners) {
    FakeTransport.made.push(this);
  }

  static get last(): FakeTransport {
    return FakeTransport.made.at(-1)!;
  }

  open(signal: AbortSignal): Promise<void> {
    this.signal = signal;
    return new Promise((resolve, reject) => {
      this.succeed = resolve;
      this.fail = reject;
    });
  }

  send(event: ClientEvent): void {
    this.sent.push(event);
  }

  replaceTrack(track: MediaStreamTrack): void {
    this.replaced.push(track);
  }

  close(): void {
    this.closed++;
  }
}

export class FakeTrack extends EventTarget {
  readonly kind = "audio";
  enabled = true;
  stopped = false;
  stop(): void {
    this.stopped = true;
  }
}

export class FakeStream {
  readonly tracks = [new FakeTrack()];
  getTracks(): FakeTrack[] {
    return this.tracks;
  }
  getAudioTracks(): FakeTrack[] {
    return this.tracks;
  }
}

export class FakeAudioContext {
  static open = 0;
  level = 0;
  constructor() {
    FakeAudioContext.open++;
  }
  createMediaStreamSource = () => ({ connect: vi.fn(), disconnect: vi.fn() });
  createAnalyser = () => ({
    fftSize: 0,
    getFloatTimeDomainData: (samples: Float32Array) => samples.fill(0.1),
  });
  close = async (): Promise<void> => {
    FakeAudioContext.open--;
  };
}

/** Puts a microphone into the browser; what is given back says what became of it. */
export function fakeMicrophone(): { streams: FakeStream[]; refuse: (name: string) => void; getUserMedia: ReturnType<typeof vi.fn> } {
  const streams: FakeStream[] = [];
  let refusal: string | null = null;
  const getUserMedia = vi.fn(async () => {
    if (refusal) throw new DOMException("refused", refusal);
    streams.push(new FakeStream());
    return streams.at(-1);
  });
  const mediaDevices = Object.assign(new EventTarget(), {
    getUserMedia,
    enumerateDevices: async () => [
      { kind: "audioinput", deviceId: "default", label: "Default" },
      { kind: "audioinput", deviceId: "desk", label: "Desk" },
      { kind: "audiooutput", deviceId: "loud", label: "Loud" },
    ],
  });
  FakeAudioContext.open = 0;
  vi.stubGlobal("AudioContext", FakeAudioContext);
  vi.stubGlobal("isSecureContext", true);
  Object.defineProperty(navigator, "mediaDevices", { value: mediaDevices, configurable: true });
  return { streams, getUserMedia, refuse: (name) => (refusal = name) };
}

export class FakeChannel extends EventTarget {
  readyState = "connecting";
  binaryType = "blob";
  readonly sent: string[] = [];
  onopen: (() => void) | null = null;
  onclose: (() => void) | null = null;
  onmessage: ((message: { data: unknown }) => void) | null = null;
  constructor(readonly label: string) {
    super();
  }
  send(data: string): void {
    this.sent.push(data);
  }
  close(): void {
    this.readyState = "closed";
  }
}

/** Tells when a packet was heard last. */
export class FakeReceiver {
  private timestamp = 0;
  heard(): void {
    this.timestamp++;
  }
  getSynchronizationSources(): { timestamp: number }[] {
    return this.timestamp ? [{ timestamp: this.timestamp }] : [];
  }
}

export class FakePeer extends EventTarget {
  static made: FakePeer[] = [];
  iceGatheringState = "complete";
  connectionState = "new";
  localDescription: { sdp: string } | null = null;
  remote: { sdp: string } | null = null;
  ontrack: ((event: unknown) => void) | null = null;
  onconnectionstatechange: (() => void) | null = null;
  readonly channels: Record<string, FakeChannel> = {};
  readonly senders: { track: unknown; replaceTrack: ReturnType<typeof vi.fn> }[] = [];
  stats: Record<string, unknown> = {};
  closed = false;

  constructor(readonly configuration: RTCConfiguration) {
    super();
    FakePeer.made.push(this);
  }
  static get last(): FakePeer {
    return FakePeer.made.at(-1)!;
  }
  addTrack(track: unknown): void {
    this.senders.push({ track, replaceTrack: vi.fn(async () => undefined) });
  }
  getSenders(): unknown[] {
    return this.senders;
  }
  createDataChannel(label: string): FakeChannel {
    return (this.channels[label] = new FakeChannel(label));
  }
  async getStats(): Promise<Map<string, unknown>> {
    return new Map(Object.entries(this.stats));
  }
  async createOffer(): Promise<{ sdp: string }> {
    return { sdp: "offer" };
  }
  async setLocalDescription(description: { sdp: string }): Promise<void> {
    this.localDescription = description;
  }
  async setRemoteDescription(description: { sdp: string }): Promise<void> {
    this.remote = description;
  }
  become(state: string): void {
    this.connectionState = state;
    this.onconnectionstatechange?.();
    this.dispatchEvent(new Event("connectionstatechange"));
  }
  openEvents(): void {
    this.become("connected");
    const channel = this.channels["oai-events"]!;
    channel.readyState = "open";
    channel.onopen?.();
  }
  close(): void {
    this.closed = true;
  }
}

export class FakeSocket {
  static readonly OPEN = 1;
  static made: FakeSocket[] = [];
  readyState = 0;
  binaryType = "blob";
  closed = 0;
  readonly sent: string[] = [];
  onopen: (() => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  onmessage: ((message: { data: unknown }) => void) | null = null;
  constructor(readonly url: string) {
    FakeSocket.made.push(this);
  }
  static get last(): FakeSocket {
    return FakeSocket.made.at(-1)!;
  }
  open(): void {
    this.readyState = 1;
    this.onopen?.();
  }
  send(data: string): void {
    this.sent.push(data);
  }
  close(): void {
    this.closed++;
  }
}

/** Lets promises that are settled already be noticed. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}
