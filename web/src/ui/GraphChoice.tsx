import type { ReactNode } from "react";

import type { GraphInfo } from "../core/realtime";
import { useLanguage } from "../hooks/useLanguage";

interface Props {
  graphs: readonly GraphInfo[];
  chosen: string | null;
  disabled: boolean;
  onChoose: (name: string) => void;
}

/** Which conversation is called; one of them is no choice. */
export function GraphChoice({ graphs, chosen, disabled, onChoose }: Props): ReactNode {
  const { words } = useLanguage();
  if (graphs.length < 2) return null;
  return (
    <label className="choice">
      <span>{words.conversation}</span>
      <select value={chosen ?? ""} disabled={disabled} onChange={({ target }) => onChoose(target.value)}>
        {graphs.map(({ name, description }) => (
          <option key={name} value={name} title={description}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
