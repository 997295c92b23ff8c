import type { ReactNode } from "react";

import { LanguageChoice } from "../ui/LanguageChoice";
import { Mark } from "../ui/icons";
import { roughly } from "./format";
import type { Status } from "./poller";
import { useWords } from "./useWords";

interface Props {
  title: string;
  /** Of the page that is one step up; null where there is none. */
  up: { href: string; name: string } | null;
  status: Status | null;
  children: ReactNode;
}

/** The head of an operator's page, whether its data are fresh, and the page itself. */
export function Frame({ title, up, status, children }: Props): ReactNode {
  return (
    <div className="console">
      <header className="bar">
        <h1 className="brand">
          <Mark />
          <span>Vitagraph</span>
          <span className="where">{title}</span>
        </h1>
        <div className="choices">
          {status && <Freshness status={status} />}
          {up && (
            <a className="quiet" href={up.href}>
              {up.name}
            </a>
          )}
          <LanguageChoice />
        </div>
      </header>
      <Away status={status} />
      <main>{children}</main>
    </div>
  );
}

function Freshness({ status }: { status: Status }): ReactNode {
  const { words } = useWords();
  if (status.kind !== "live" && status.kind !== "away") return null;
  return (
    <span className="fresh" data-state={status.kind}>
      <i />
      {status.kind === "live" ? words.live : words.stale}
    </span>
  );
}

function Away({ status }: { status: Status | null }): ReactNode {
  const { words } = useWords();
  const text = status?.kind === "away" ? words.away(roughly(status.ms)) : null;
  return (
    <div role="status" className="away">
      {text ?? (status?.kind === "version" ? words.wrongVersion : null)}
    </div>
  );
}
