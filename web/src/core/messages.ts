/** What was said, and what is going on: made from the host's events, one after the other. */

import type { Rating, Turn } from "./protocol";
import type { ConversationItem, ResponseResource, ServerEvent } from "./realtime";

export type Speaker = "person" | "assistant";
export type Activity = "listening" | "hearing" | "thinking" | "speaking";

export interface Message {
  id: string;
  speaker: Speaker;
  /** BCP 47; undefined if the host does not know it. */
  language: string | undefined;
  /** What was said; of an interrupted answer, as far as it was heard. */
  text: string;
  /** What an interruption cut off: prepared, but never heard. */
  cut: string;
  /** Nothing will be added any more. */
  done: boolean;
  interrupted: boolean;
  /** Of answers: what a rating names. */
  response: string | null;
  rating: Rating["value"] | null;
  turn: Turn | null;
}

export interface Conversation {
  messages: readonly Message[];
  activity: Activity;
  /** By node: what serves in place of what failed. */
  degraded: Readonly<Record<string, string>>;
  /** The last thing the host complained about. */
  complaint: string | null;
}

export const EMPTY: Conversation = { messages: [], activity: "listening", degraded: {}, complaint: null };

/** Older messages are forgotten, so that a call of hours stays light. */
const KEPT = 200;

/** The conversation after an event; the same object if it changes nothing. */
export function reduce(state: Conversation, event: ServerEvent): Conversation {
  switch (event.type) {
    case "session.created":
      return { ...state, activity: "listening", degraded: {}, complaint: null };
    case "input_audio_buffer.speech_started":
      return { ...state, activity: "hearing" };
    case "input_audio_buffer.speech_stopped":
      return state.activity === "hearing" ? { ...state, activity: "thinking" } : state;
    case "input_audio_buffer.cleared": // it was no turn: a cough, an mm-hm
      return ["hearing", "thinking"].includes(state.activity) ? { ...state, activity: "listening" } : state;
    case "output_audio_buffer.started":
      return { ...state, activity: "speaking" };
    case "output_audio_buffer.stopped":
    case "output_audio_buffer.cleared":
      return state.activity === "speaking" ? { ...state, activity: "listening" } : state;
    case "error":
      return { ...state, complaint: event.error.message };
    case "vitagraph.degraded":
      return { ...state, degraded: { ...state.degraded, [event.node]: [event.message, event.member].find(Boolean) ?? "" } };
    case "vitagraph.recovered":
      return { ...state, degraded: without(state.degraded, event.node) };
    case "vitagraph.turn":
      return changeLast(state, (message) => isAnswerTo(message, event), (message) => ({ ...message, turn: event }));
    default:
      return reduceItem(state, event);
  }
}

/** Events about one message. */
function reduceItem(state: Conversation, event: ServerEvent): Conversation {
  switch (event.type) {
    case "input_audio_buffer.committed":
      return said(state, event.item_id, "person", (message) => message);
    case "conversation.item.added":
    case "conversation.item.done":
      return itemChanged(state, event.item);
    case "conversation.item.deleted":
      return { ...state, messages: state.messages.filter(({ id }) => id !== event.item_id) };
    case "conversation.item.input_audio_transcription.delta":
      return said(state, event.item_id, "person", (message) => inLanguage(event, { ...message, text: message.text + event.delta }));
    case "conversation.item.input_audio_transcription.completed":
      return said(state, event.item_id, "person", (message) =>
        inLanguage(event, { ...message, text: event.transcript, done: true }),
      );
    case "conversation.item.input_audio_transcription.failed":
      return said(state, event.item_id, "person", (message) => ({ ...message, done: true }));
    case "response.created":
      return state.activity === "speaking" ? state : { ...state, activity: "thinking" };
    case "response.output_audio_transcript.delta":
      return said(state, event.item_id, "assistant", (message) =>
        message.done
          ? message
          : inLanguage(event, { ...message, text: message.text + event.delta, response: event.response_id }),
      );
    case "response.output_audio_transcript.done":
      return said(state, event.item_id, "assistant", (message) =>
        message.done ? message : inLanguage(event, { ...message, text: event.transcript, response: event.response_id }),
      );
    case "response.done":
      return responseDone(state, event.response);
    default:
      return state;
  }
}

function inLanguage({ language }: { language?: string }, message: Message): Message {
  return language === undefined ? message : { ...message, language };
}

/** What ids begin with until the host has given one. */
const TYPED = "typed-";

/** Something the person typed, shown before the host has told of it. */
export function typed(state: Conversation, number: number, text: string): Conversation {
  const shown = said(state, `${TYPED}${number}`, "person", (message) => ({ ...message, text, done: true }));
  return { ...shown, activity: "thinking" };
}

export function rated(state: Conversation, response: string, rating: Rating["value"]): Conversation {
  return changeLast(state, (message) => message.response === response, (message) => ({ ...message, rating }));
}

/** The call is over: nothing is going on any more, and what was said stays. */
export function ended(state: Conversation): Conversation {
  const messages = state.messages.filter(({ text }) => text !== "").map((message) => ({ ...message, done: true }));
  return { ...EMPTY, messages };
}

function responseDone(state: Conversation, response: ResponseResource): Conversation {
  const cancelled = response.status === "cancelled" || response.status === "incomplete";
  const heard = transcriptOf(response.output?.find(({ role }) => role === "assistant"));
  const complaint = response.status === "failed" ? (response.status_details?.error?.message ?? null) : null;
  const next = changeLast(
    { ...state, complaint: complaint ?? state.complaint },
    (message) => message.response === response.id,
    (message) => (cancelled ? interrupt(message, heard) : { ...message, done: true }),
  );
  // An answer without sound ends here; one that is being heard ends with its sound.
  return next.activity === "thinking" ? { ...next, activity: "listening" } : next;
}

/** Parts a message at the end of what was heard. */
function interrupt(message: Message, heard: string | null): Message {
  if (heard === null) return { ...message, done: true, interrupted: true };
  const all = message.text + message.cut;
  const known = all.startsWith(heard);
  return {
    ...message,
    text: heard,
    cut: known ? all.slice(heard.length) : "",
    done: true,
    interrupted: true,
  };
}

function itemChanged(state: Conversation, item: ConversationItem): Conversation {
  const speaker = item.role === "user" ? "person" : item.role === "assistant" ? "assistant" : null;
  if (item.type !== "message" || !speaker) return state;
  const text = transcriptOf(item);
  if (speaker === "person" && text !== null) {
    return said(adopted(state, item.id, text), item.id, speaker, (message) => ({ ...message, text, done: true }));
  }
  return said(state, item.id, speaker, (message) =>
    item.status === "incomplete" && !message.interrupted ? interrupt(message, text) : message,
  );
}

/** The host's name for what was typed here takes the place of ours. */
function adopted(state: Conversation, id: string, text: string): Conversation {
  if (state.messages.some((message) => message.id === id)) return state;
  return changeLast(
    state,
    (message) => message.id.startsWith(TYPED) && message.text === text,
    (message) => ({ ...message, id }),
  );
}

function transcriptOf(item: ConversationItem | undefined): string | null {
  const parts = item?.content?.map((part) => part.transcript ?? part.text ?? null) ?? [];
  const texts = parts.filter((text) => text !== null);
  return texts.length > 0 ? texts.join("") : null;
}

/** Changes a message, or begins it at the end. */
function said(
  state: Conversation,
  id: string,
  speaker: Speaker,
  change: (message: Message) => Message,
): Conversation {
  if (state.messages.some((message) => message.id === id)) {
    return changeLast(state, (message) => message.id === id, change);
  }
  const begun: Message = {
    id,
    speaker,
    language: undefined,
    text: "",
    cut: "",
    done: false,
    interrupted: false,
    response: null,
    rating: null,
    turn: null,
  };
  return { ...state, messages: [...state.messages, change(begun)].slice(-KEPT) };
}

function changeLast(
  state: Conversation,
  which: (message: Message) => boolean,
  change: (message: Message) => Message,
): Conversation {
  const index = state.messages.findLastIndex(which);
  const message = state.messages[index];
  if (!message) return state;
  const changed = change(message);
  return changed === message ? state : { ...state, messages: state.messages.with(index, changed) };
}

/** A turn names its response; where it does not, it is about the last answer. */
function isAnswerTo(message: Message, turn: Turn): boolean {
  if (message.speaker !== "assistant") return false;
  return turn.response ? message.response === turn.response : true;
}

function without(record: Readonly<Record<string, string>>, key: string): Record<string, string> {
  return Object.fromEntries(Object.entries(record).filter(([name]) => name !== key));
}
