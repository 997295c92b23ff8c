import { type RefObject, useEffect, useState } from "react";

import { type Colours, coloursOf } from "./pen";

/** The colours of an element's style; they are read anew when the page becomes dark or light. */
export function useColours(ref: RefObject<Element | null>): Colours | null {
  const [colours, setColours] = useState<Colours | null>(null);
  useEffect(() => {
    const read = (): void => {
      if (ref.current) setColours(coloursOf(ref.current));
    };
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", read);
    read();
    return () => dark.removeEventListener("change", read);
  }, [ref]);
  return colours;
}
