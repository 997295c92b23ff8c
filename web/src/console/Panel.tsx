import type { ReactNode } from "react";

import type { Grade } from "./grades";

/** A part of the page under a heading. */
export function Panel({ title, aside, className, children }: PanelProps): ReactNode {
  return (
    <section className={`card ${className ?? ""}`} aria-label={title}>
      <header>
        <h2>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  );
}

interface PanelProps {
  title: string;
  aside?: ReactNode;
  className?: string;
  children: ReactNode;
}

/** A number in the colour of what it calls for. */
export function Graded({ grade, children }: { grade: Grade; children: ReactNode }): ReactNode {
  return (
    <span className="graded" data-grade={grade}>
      {children}
    </span>
  );
}

/** The address of a session's timeline, from the console. */
export function sessionPage(id: string): string {
  return `console/sessions/${encodeURIComponent(id)}`;
}
