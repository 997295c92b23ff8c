import { useEffect, useState } from "react";

import { Connection, type ConnectionListeners, type ConnectionOptions, type ConnectionState } from "../core/connection";
import type { ClientEvent } from "../core/realtime";
import { SocketTransport } from "../core/socketTransport";
import type { MakeTransport } from "../core/transport";
import { useStore } from "./useStore";

export interface ConnectionHandle {
  state: ConnectionState;
  connect(...ways: MakeTransport[]): Promise<void>;
  disconnect(): void;
  send(event: ClientEvent): boolean;
}

/** Connect, disconnect, send, state, last error: nothing else. Disconnects when the component goes. */
export function useConnection(connection: Connection): ConnectionHandle {
  const state = useStore(connection.state);
  useEffect(() => () => connection.disconnect(), [connection]);
  return {
    state,
    connect: (...ways) => connection.connect(...ways),
    disconnect: () => connection.disconnect(),
    send: (event) => connection.send(event),
  };
}

export interface SocketHandle extends Omit<ConnectionHandle, "connect"> {
  connect(): Promise<void>;
}

/** The same by a WebSocket. The listeners given first are kept. */
export function useWebSocketConnection(
  url: string,
  listeners: ConnectionListeners,
  options?: ConnectionOptions,
): SocketHandle {
  const [connection] = useState(() => new Connection(listeners, options));
  const handle = useConnection(connection);
  return { ...handle, connect: () => handle.connect((to) => new SocketTransport(url, to)) };
}
