/**
 * A call from beginning to end: microphone, connection, face and what was said, put together.
 *
 * It adds no state of its own to theirs, but for what went wrong.
 */

import { AudioManager } from "./audioManager";
import { Connection, type ConnectionOptions, type Phase } from "./connection";
import { FaceFeed } from "./faceFeed";
import { type Failure, asFailure } from "./failures";
import { type Activity, type Conversation, EMPTY, ended, rated, reduce, typed } from "./messages";
import { PeerTransport, whyNoCalls } from "./peerTransport";
import type { Rating } from "./protocol";
import type { ServerEvent } from "./realtime";
import { SocketTransport, socketUrl } from "./socketTransport";
import { Store } from "./store";
import { type Token, pageToken } from "./token";

export interface CallOptions {
  graph: string;
  iceServers?: RTCIceServer[] | undefined;
}

/** What the person is told of the call. */
export type CallState = "idle" | "calling" | "reconnecting" | "failed" | Activity;

export class VoiceConversation {
  readonly conversation = new Store<Conversation>(EMPTY);
  readonly failure = new Store<Failure | null>(null);
  readonly starting = new Store(false);
  readonly connection: Connection;
  readonly face = new FaceFeed();
  private numbered = 0;

  constructor(
    readonly audio = new AudioManager(),
    options?: ConnectionOptions,
    private readonly token: Token = pageToken(),
  ) {
    this.connection = new Connection(
      {
        event: (event) => this.happened(event),
        batch: (bytes) => this.face.receive(bytes),
        voice: (stream, receiver) => {
          this.face.listenTo(receiver);
          void audio.play(stream);
        },
      },
      options,
    );
    this.connection.state.subscribe(() => this.connectionChanged());
    audio.onTrack = (track) => this.connection.replaceTrack(track);
  }

  /** Opens the microphone and calls; what goes wrong is told in `failure`. */
  async start({ graph, iceServers }: CallOptions): Promise<void> {
    this.end();
    this.failure.set(null);
    this.conversation.set(EMPTY);
    this.starting.set(true);
    try {
      const problem = whyNoCalls();
      if (problem) throw problem;
      const { token } = this;
      const opened = await this.audio.startMicrophone();
      this.starting.set(false);
      await this.connection.connect(
        (to) => new PeerTransport({ graph, iceServers, microphone: this.audio.microphoneStream ?? opened, token }, to),
        (to) => new SocketTransport(socketUrl(graph), to, token),
      );
    } catch (error) {
      this.gaveUp(error);
    }
  }

  /** Hangs up. */
  end(): void {
    this.starting.set(false);
    this.connection.disconnect();
    this.release();
  }

  /** Says something by typing; false where it cannot be sent. */
  sendText(text: string): boolean {
    const said = text.trim();
    if (said === "") return false;
    const sent = this.connection.send({
      type: "conversation.item.create",
      item: { type: "message", role: "user", content: [{ type: "input_text", text: said }] },
    });
    if (!sent) return false;
    this.connection.send({ type: "response.create" });
    this.conversation.update((state) => typed(state, ++this.numbered, said));
    return true;
  }

  rate(response: string, value: Rating["value"]): void {
    if (this.connection.send({ type: "vitagraph.rating", response, value })) {
      this.conversation.update((state) => rated(state, response, value));
    }
  }

  /** Another microphone; what goes wrong is told, and the call goes on. */
  async chooseMicrophone(device: string): Promise<void> {
    await this.audio.chooseDevice(device).catch((error: unknown) => this.failure.set(asFailure(error)));
  }

  private happened(event: ServerEvent): void {
    if (event.type === "session.created") this.token.renew(event.session);
    if (event.type === "vitagraph.flush") this.face.flush(event.cause);
    this.conversation.update((state) => reduce(state, event));
  }

  private connectionChanged(): void {
    const { phase, lastError } = this.connection.state.get();
    if (phase === "reconnecting") this.face.clear();
    if (phase !== "failed") return;
    this.failure.set(lastError);
    this.release();
  }

  private gaveUp(error: unknown): void {
    // Hung up while it was being opened: nothing is wrong.
    const { phase } = this.connection.state.get();
    const wanted = this.starting.get() || phase === "failed";
    this.starting.set(false);
    if (!wanted) return;
    this.connection.disconnect();
    this.failure.set(asFailure(error));
    this.release();
  }

  private release(): void {
    this.audio.stopMicrophone();
    this.audio.stopPlaying();
    this.face.clear();
    this.conversation.update(ended);
  }
}

/** One word for the state of the layers below. */
export function callState(starting: boolean, phase: Phase, activity: Activity): CallState {
  if (starting || phase === "connecting") return "calling";
  return phase === "connected" ? activity : phase;
}
