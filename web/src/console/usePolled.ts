import { useEffect, useState } from "react";

import { useStore } from "../hooks/useStore";
import { type Polled, Poller } from "./poller";

/** A document that is asked for while the component is there; `again` asks at once. */
export function usePolled<T extends { version: number }>(
  url: string,
  interval: number,
  goesOn?: (value: T) => boolean,
): Polled<T> & { again: () => void } {
  const [poller] = useState(() => new Poller<T>(url, interval, goesOn));
  useEffect(() => poller.start(), [poller]);
  return { ...useStore(poller.state), again: () => poller.again() };
}
