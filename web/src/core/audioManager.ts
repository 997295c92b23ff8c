/** Microphone and loudspeaker: opens, measures, mutes, and gives all back. */

import { microphoneFailure } from "./failures";
import { ResourceManager } from "./resources";
import { Store } from "./store";

export interface AudioState {
  /** A microphone is open. */
  recording: boolean;
  muted: boolean;
  /** The other end is being played. */
  playing: boolean;
  /** The browser wants a click before it plays anything. */
  blocked: boolean;
  /** Microphones to choose from; their labels are empty until one was allowed. */
  devices: readonly { id: string; label: string }[];
  /** The one in use or chosen; "" is the system's own choice. */
  device: string;
}

const IDLE: AudioState = { recording: false, muted: false, playing: false, blocked: false, devices: [], device: "" };

export class AudioManager {
  readonly state = new Store<AudioState>(IDLE);
  /** Told when another microphone has taken over during a call. */
  onTrack: ((track: MediaStreamTrack) => void) | null = null;
  private readonly microphone = new ResourceManager();
  private readonly loudspeaker = new ResourceManager();
  private analyser: AnalyserNode | null = null;
  private samples = new Float32Array(0);
  private stream: MediaStream | null = null;
  private element: HTMLAudioElement | null = null;
  private opening = 0;

  /** Opens the chosen microphone; rejects with a Failure that says why not. */
  async startMicrophone(): Promise<MediaStream> {
    this.stopMicrophone();
    const opening = ++this.opening;
    const stream = await this.openDevice();
    if (opening !== this.opening) {
      stopTracks(stream); // Hung up while the browser was still asking.
      throw microphoneFailure(new DOMException("given up", "AbortError"));
    }
    this.use(stream);
    await this.listDevices();
    return stream;
  }

  /** The open microphone. */
  get microphoneStream(): MediaStream | null {
    return this.stream;
  }

  stopMicrophone(): void {
    this.opening++;
    this.microphone.release();
    this.patch({ recording: false });
  }

  /** Chooses a microphone; during a call it takes over at once. */
  async chooseDevice(device: string): Promise<void> {
    this.patch({ device });
    if (!this.state.get().recording) return;
    const stream = await this.startMicrophone();
    const [track] = stream.getAudioTracks();
    if (track) this.onTrack?.(track);
  }

  setMuted(muted: boolean): void {
    this.patch({ muted });
    for (const track of this.stream?.getAudioTracks() ?? []) track.enabled = !muted;
  }

  /** Plays the other end. The element is needed: without one the browser decodes nothing. */
  async play(stream: MediaStream): Promise<void> {
    this.stopPlaying();
    const element = document.createElement("audio");
    element.autoplay = true;
    element.srcObject = stream;
    this.element = element;
    this.loudspeaker.register(() => {
      element.pause();
      element.srcObject = null;
      this.element = null;
    });
    await this.resume();
  }

  /** Plays after a click what the browser would not play by itself. */
  async resume(): Promise<void> {
    const { element } = this;
    if (!element) return;
    const played = await element.play().then(
      () => true,
      () => false,
    );
    if (element === this.element) this.patch({ playing: played, blocked: !played });
  }

  stopPlaying(): void {
    this.loudspeaker.release();
    this.patch({ playing: false, blocked: false });
  }

  /** How loud the microphone is, 0 to 1; to be asked once a frame. */
  level(): number {
    if (!this.analyser || this.state.get().muted) return 0;
    this.analyser.getFloatTimeDomainData(this.samples);
    let sum = 0;
    for (const sample of this.samples) sum += sample * sample;
    const decibels = 10 * Math.log10(sum / this.samples.length + 1e-10);
    return Math.min(1, Math.max(0, (decibels + 60) / 50));
  }

  async listDevices(): Promise<void> {
    const all = await navigator.mediaDevices.enumerateDevices().catch(() => []);
    const devices = all
      .filter(({ kind, deviceId }) => kind === "audioinput" && deviceId !== "" && deviceId !== "default")
      .map(({ deviceId, label }) => ({ id: deviceId, label }));
    this.patch({ devices });
  }

  close(): void {
    this.stopMicrophone();
    this.stopPlaying();
    this.onTrack = null;
  }

  private async openDevice(): Promise<MediaStream> {
    const { device } = this.state.get();
    const processing = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 };
    try {
      return await navigator.mediaDevices.getUserMedia({
        audio: device ? { ...processing, deviceId: { exact: device } } : processing,
      });
    } catch (error) {
      throw microphoneFailure(error);
    }
  }

  private use(stream: MediaStream): void {
    this.stream = stream;
    this.microphone.register(() => {
      stopTracks(stream);
      this.stream = null;
    });
    // Unplugged: the system's own choice takes over.
    stream.getAudioTracks()[0]?.addEventListener("ended", () => void this.chooseDevice("").catch(() => undefined));
    const context = new AudioContext();
    const source = context.createMediaStreamSource(stream);
    const analyser = context.createAnalyser();
    analyser.fftSize = 1024;
    source.connect(analyser);
    this.analyser = analyser;
    this.samples = new Float32Array(analyser.fftSize);
    this.microphone.register(() => {
      source.disconnect();
      this.analyser = null;
      context.close().catch(() => undefined);
    });
    const changed = (): void => void this.listDevices();
    navigator.mediaDevices.addEventListener("devicechange", changed);
    this.microphone.register(() => navigator.mediaDevices.removeEventListener("devicechange", changed));
    this.patch({ recording: true });
    this.setMuted(this.state.get().muted);
  }

  private patch(change: Partial<AudioState>): void {
    this.state.update((state) => ({ ...state, ...change }));
  }
}

function stopTracks(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}
