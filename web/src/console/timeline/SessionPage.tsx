import type { ReactNode } from "react";

import { Frame } from "../Frame";
import { Notice, TokenForm } from "../TokenForm";
import type { Timeline } from "../documents";
import { usePolled } from "../usePolled";
import { useWords } from "../useWords";
import { TimelineView } from "./TimelineView";

const INTERVAL = 2_000;
const goesOn = ({ outcome }: Timeline): boolean => outcome === "";

/** The timeline of the session whose id ends the page's address. */
export function SessionPage({ id }: { id: string }): ReactNode {
  const { words } = useWords();
  const { status, value, again } = usePolled<Timeline>(`${encodeURIComponent(id)}/timeline`, INTERVAL, goesOn);
  const live = value && goesOn(value) ? status : status.kind === "live" ? null : status;
  return (
    <Frame title={id} up={{ href: "../../console", name: words.console }} status={live}>
      {status.kind === "denied" && <TokenForm denied={status} onKey={again} />}
      {status.kind === "missing" && !value && <Notice title={id} texts={[words.missing]} />}
      {status.kind === "away" && !value && <Notice title={words.stale} texts={[words.awayFirst]} />}
      {status.kind === "loading" && <p className="calm">{words.loading}</p>}
      {value && <TimelineView timeline={value} />}
    </Frame>
  );
}
