import { type ReactNode, useId, useState } from "react";

import { keepKey, readKey } from "./access";
import type { Status } from "./poller";
import { useWords } from "./useWords";

type Denied = Extract<Status, { kind: "denied" }>;

/** Says why nothing is shown, and takes the key where one helps. */
export function TokenForm({ denied, onKey }: { denied: Denied; onKey: () => void }): ReactNode {
  const { words } = useWords();
  const [key, setKey] = useState("");
  const [id, hint] = [useId(), useId()];
  const had = readKey() !== "";
  const submit = (event: { preventDefault: () => void }): void => {
    event.preventDefault();
    keepKey(key.trim());
    onKey();
  };
  if (denied.status === 403) return <Notice title={words.keyTitle} texts={[words.localOnly, denied.message]} />;
  return (
    <form className="card gate" onSubmit={submit}>
      <h2>{words.keyTitle}</h2>
      <p id={hint}>{words.keyNeeded}</p>
      {had && (
        <p className="notice problem" role="alert">
          {denied.status === 429 && denied.message ? denied.message : words.keyWrong}
        </p>
      )}
      <label htmlFor={id}>{words.key}</label>
      <div className="field">
        <input
          id={id}
          type="password"
          autoComplete="current-password"
          aria-describedby={hint}
          required
          value={key}
          onChange={(event) => setKey(event.target.value)}
        />
        <button type="submit" className="main">
          {words.open}
        </button>
      </div>
      <small>{words.keyKept}</small>
    </form>
  );
}

/** A page that has only something to say. */
export function Notice({ title, texts }: { title: string; texts: readonly string[] }): ReactNode {
  return (
    <section className="card gate">
      <h2>{title}</h2>
      {texts.filter(Boolean).map((text) => (
        <p key={text}>{text}</p>
      ))}
    </section>
  );
}
