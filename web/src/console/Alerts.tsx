import type { ReactNode } from "react";

import { Panel } from "./Panel";
import type { AlertState } from "./documents";
import { clock, figure, roughly } from "./format";
import { useWords } from "./useWords";
import { partName } from "./words";

/** The alerts that fire, and those that have cleared. */
export function Alerts({ alerts, now }: { alerts: readonly AlertState[]; now: number }): ReactNode {
  const { words } = useWords();
  const firing = alerts.filter(({ cleared }) => cleared === null);
  const cleared = alerts.filter(({ cleared }) => cleared !== null);
  return (
    <Panel title={words.alerts} className="alerts" aside={firing.length > 0 && <small>{words.firing(firing.length)}</small>}>
      {firing.length === 0 && <p className="calm">{words.noAlerts}</p>}
      <ul>
        {[...firing, ...cleared].map((alert) => (
          <Alert key={`${alert.name} ${alert.since} ${Object.values(alert.labels).join()}`} alert={alert} now={now} />
        ))}
      </ul>
    </Panel>
  );
}

function Alert({ alert, now }: { alert: AlertState; now: number }): ReactNode {
  const { words, locale } = useWords();
  const { name, severity, summary, runbook, since, cleared, value, threshold, labels } = alert;
  const ago = roughly((now - (cleared ?? since)) * 1_000);
  return (
    <li data-severity={cleared === null ? severity : "cleared"}>
      <div>
        <strong>{name}</strong> <span className="tag">{words.severities[severity]}</span>
        {Object.entries(labels).map(([label, of]) => (
          <span className="tag" key={label}>
            {label} {label === "part" ? partName(words, of) : of}
          </span>
        ))}
      </div>
      <p>{summary}</p>
      <small>
        <time dateTime={new Date((cleared ?? since) * 1_000).toISOString()} title={clock(since, locale)}>
          {cleared === null ? words.since(ago) : words.clearedAgo(ago)}
        </time>
        {` · ${words.measured(figure(value), figure(threshold))}`}
        {cleared === null && runbook ? ` · ${words.runbook(runbook.replaceAll("-", " "))}` : null}
      </small>
    </li>
  );
}
