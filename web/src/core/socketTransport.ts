/**
 * The same events by a WebSocket, where the network lets no WebRTC through: one can type and
 * read, but no sound passes, and the face has nothing to move by.
 */

import { Failure } from "./failures";
import { type ClientEvent, SOCKET_PATH, parseServerEvent } from "./realtime";
import type { Token } from "./token";
import type { Transport, TransportListeners } from "./transport";

/** The codes with which a host closes on purpose: normal, and going away. */
const HUNG_UP = new Set([1000, 1001]);

export class SocketTransport implements Transport {
  readonly carriesSound = false;
  private readonly socket: WebSocket;
  private closed = false;

  constructor(
    url: string,
    private readonly listeners: TransportListeners,
    token?: Token,
  ) {
    this.socket = new WebSocket(url, token?.protocols() ?? []);
    this.socket.binaryType = "arraybuffer";
    this.socket.onmessage = ({ data }) => this.received(data);
  }

  open(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      this.socket.onopen = () => resolve();
      this.socket.onclose = ({ code }) => {
        reject(new Failure("unreachable"));
        if (!this.closed) this.listeners.lost(new Failure(HUNG_UP.has(code) ? "ended" : "lost"));
      };
      signal.addEventListener("abort", () => reject(new Failure("timeout")));
    });
  }

  send(event: ClientEvent): void {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(event));
  }

  replaceTrack(): void {
    // No sound passes here, whatever the microphone.
  }

  close(): void {
    this.closed = true;
    this.socket.close();
  }

  private received(data: unknown): void {
    if (this.closed) return;
    if (data instanceof ArrayBuffer) return this.listeners.batch(data);
    const event = typeof data === "string" ? parseServerEvent(data) : null;
    if (event) this.listeners.event(event);
  }
}

/** The address of the WebSocket for a graph. */
export function socketUrl(graph: string, base = document.baseURI): string {
  const url = new URL(SOCKET_PATH, base);
  url.protocol = url.protocol.replace("http", "ws");
  url.searchParams.set("graph", graph);
  return url.href;
}
