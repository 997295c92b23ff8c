import { type ReactNode, type SyntheticEvent, useState } from "react";

import { useLanguage } from "../hooks/useLanguage";
import { SendIcon } from "./icons";

interface Props {
  enabled: boolean;
  /** Says whether it was sent. */
  onSend: (text: string) => boolean;
}

/** For what one would rather type. */
export function TextEntry({ enabled, onSend }: Props): ReactNode {
  const { words } = useLanguage();
  const [text, setText] = useState("");
  const send = (event: SyntheticEvent): void => {
    event.preventDefault();
    if (onSend(text)) setText("");
  };
  return (
    <form className="entry" onSubmit={send}>
      <label className="hidden" htmlFor="say">
        {words.type}
      </label>
      <input
        id="say"
        value={text}
        disabled={!enabled}
        maxLength={2_000}
        autoComplete="off"
        enterKeyHint="send"
        placeholder={enabled ? words.type : words.callFirst}
        onChange={({ target }) => setText(target.value)}
      />
      <button type="submit" className="round" disabled={!enabled || text.trim() === ""}>
        <SendIcon />
        <span className="hidden">{words.send}</span>
      </button>
    </form>
  );
}
