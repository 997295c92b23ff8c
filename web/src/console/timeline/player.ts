/** Plays the recorded sound of both sides together, from any moment. */

import { Store } from "../../core/store";
import { authorization } from "../access";
import { Wav } from "./wav";

export type Playing = "silent" | "loading" | "playing" | "failed";

/** Seconds that are decoded at once. */
const PIECE = 20;
/** Seconds before its time at which a piece is handed to the browser. */
const AHEAD = 5;

export class Player {
  readonly state = new Store<Playing>("silent");
  private context: AudioContext | null = null;
  private tracks: Wav[] = [];
  private readonly sources = new Set<AudioBufferSourceNode>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** The moment of the session, in seconds, at which the context's clock was 0. */
  private offset = 0;
  private place = 0;
  private attempt = 0;

  constructor(private readonly addresses: readonly string[]) {}

  /** Whether anything was played. */
  get used(): boolean {
    return this.context !== null;
  }

  /** The moment that is heard, or was heard last, in milliseconds. */
  get position(): number {
    if (this.state.get() !== "playing" || !this.context) return this.place;
    return Math.max(this.place, (this.context.currentTime + this.offset) * 1_000);
  }

  /** Plays from a moment, in milliseconds; loads the sound first where that was not done. */
  async play(from: number): Promise<void> {
    this.pause();
    this.place = from;
    const attempt = ++this.attempt;
    this.state.set("loading");
    try {
      const context = (this.context ??= new AudioContext());
      await context.resume();
      if (this.end <= from / 1_000) await this.load();
      if (attempt === this.attempt) this.begin(context, from / 1_000);
    } catch {
      if (attempt === this.attempt) this.state.set("failed");
    }
  }

  /** Stops, and keeps the place. */
  pause(): void {
    this.place = this.position;
    this.attempt++;
    clearTimeout(this.timer);
    for (const source of this.sources) source.stop();
    this.sources.clear();
    this.state.set("silent");
  }

  /** Lets go of the browser's sound. */
  close(): void {
    this.pause();
    void this.context?.close();
    this.context = null;
  }

  private get end(): number {
    return Math.max(0, ...this.tracks.map(({ duration }) => duration));
  }

  /** A session that goes on has more sound than when it was loaded. */
  private async load(): Promise<void> {
    this.tracks = (await Promise.all(this.addresses.map(fetched))).map((buffer) => Wav.read(buffer));
  }

  private begin(context: AudioContext, from: number): void {
    const start = context.currentTime + 0.05;
    this.offset = from - start;
    this.state.set("playing");
    this.feed(context, from, start);
  }

  /** Hands over a piece of each side, and the next one in time. */
  private feed(context: AudioContext, from: number, when: number): void {
    if (from >= this.end) {
      this.timer = setTimeout(() => this.pause(), Math.max(0, (when - context.currentTime) * 1_000));
      return;
    }
    const to = Math.min(this.end, from + PIECE);
    for (const track of this.tracks) this.schedule(context, track, track.slice(from, to), when);
    const next = when + to - from;
    const wait = Math.max(0, next - AHEAD - context.currentTime);
    this.timer = setTimeout(() => this.feed(context, to, next), wait * 1_000);
  }

  private schedule(context: AudioContext, { rate }: Wav, samples: Float32Array<ArrayBuffer>, when: number): void {
    if (!samples.length) return;
    const buffer = context.createBuffer(1, samples.length, rate);
    buffer.copyToChannel(samples, 0);
    const source = context.createBufferSource();
    source.buffer = buffer;
    source.connect(context.destination);
    source.onended = () => void this.sources.delete(source);
    source.start(when);
    this.sources.add(source);
  }
}

/** The bytes at an address; those of a data: address are in it, for the page's policy lets nothing be fetched. */
async function fetched(address: string): Promise<ArrayBuffer> {
  const inline = /^data:[^,]*;base64,(.*)$/s.exec(address)?.[1];
  if (inline !== undefined) return Uint8Array.from(atob(inline), (each) => each.charCodeAt(0)).buffer;
  const url = new URL(address, location.href);
  // The key is for the host alone.
  const headers = url.origin === location.origin ? authorization() : {};
  const answer = await fetch(url, { headers });
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  return answer.arrayBuffer();
}
