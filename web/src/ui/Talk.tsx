import { type ReactNode, useEffect, useRef } from "react";

import type { Message } from "../core/messages";
import { useLanguage } from "../hooks/useLanguage";
import type { VoiceHandle } from "../hooks/useVoiceConversation";
import { Answer } from "./Answer";

/** How near the end one must be for the list to go on by itself. */
const NEAR = 80;

/** What both sides said. */
export function Talk({ call, about }: { call: VoiceHandle; about: string | null }): ReactNode {
  const { words } = useLanguage();
  const list = useRef<HTMLDivElement>(null);
  const follow = useRef(true);
  const messages = call.conversation.messages.filter(({ text, cut, done }) => text !== "" || cut !== "" || !done);
  useEffect(() => {
    const { current } = list;
    if (current && follow.current) current.scrollTop = current.scrollHeight;
  });
  const scrolled = (): void => {
    const { current } = list;
    if (current) follow.current = current.scrollHeight - current.scrollTop - current.clientHeight < NEAR;
  };
  return (
    <div className="log" ref={list} role="log" aria-label={words.log} tabIndex={0} onScroll={scrolled}>
      {messages.length === 0 && <Welcome about={about} connected={call.connected} />}
      {messages.map((message) =>
        message.speaker === "person" ? (
          <Said key={message.id} message={message} />
        ) : (
          <Answer key={message.id} message={message} connected={call.connected} onRate={call.voice.rate.bind(call.voice)} />
        ),
      )}
    </div>
  );
}

function Said({ message }: { message: Message }): ReactNode {
  const { words } = useLanguage();
  return (
    <article className="message" data-speaker="person" data-done={message.done}>
      <h2>{words.you}</h2>
      <p lang={message.language}>{message.text || <span className="dots">…</span>}</p>
    </article>
  );
}

function Welcome({ about, connected }: { about: string | null; connected: boolean }): ReactNode {
  const { words } = useLanguage();
  return (
    <div className="welcome">
      <h2>{connected ? words.listening : words.hello}</h2>
      {about && <p>{about}</p>}
      <ul>
        {words.advice.map((each) => (
          <li key={each}>{each}</li>
        ))}
      </ul>
    </div>
  );
}
