import { type ReactNode, useState } from "react";

import type { Timeline } from "../documents";
import { moment } from "../format";
import { useWords } from "../useWords";
import { rowsOf } from "./rows";
import type { View } from "./scale";

const MOST = 300;

/** What the tracks show, as a table; it is made when it is opened. */
export function EventTable({ timeline, view }: { timeline: Timeline; view: View }): ReactNode {
  const { words } = useWords();
  const [open, setOpen] = useState(false);
  return (
    <details className="card more" onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>{words.table}</summary>
      {open && <Rows timeline={timeline} view={view} />}
    </details>
  );
}

function Rows({ timeline, view }: { timeline: Timeline; view: View }): ReactNode {
  const { words } = useWords();
  const rows = rowsOf(timeline, view, words);
  const shown = rows.slice(0, MOST);
  return (
    <div className="scroll" tabIndex={0} role="group" aria-label={words.table}>
      <table className="events">
        <caption>{words.rowsShown(shown.length, rows.length)}</caption>
        <thead>
          <tr>
            <th scope="col">{words.time}</th>
            <th scope="col">{words.what}</th>
            <th scope="col">{words.detail}</th>
          </tr>
        </thead>
        <tbody>
          {shown.map(({ at, what, detail }, n) => (
            <tr key={n}>
              <td className="number">{moment(at, 2)}</td>
              <th scope="row">{what}</th>
              <td>{detail}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
