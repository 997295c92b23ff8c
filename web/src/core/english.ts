/** All words of the page in English: the form that a translation must have. */

import type { FailureCode } from "./failures";
import type { CallState } from "./voiceConversation";

type FailureWords = Record<FailureCode, readonly [title: string, hint: string]>;

const failures: FailureWords = {
  microphone_refused: [
    "The microphone is blocked.",
    "Allow it for this page (the icon beside the address), then call again.",
  ],
  microphone_missing: ["No microphone was found.", "Plug one in or switch it on, then call again."],
  microphone_busy: [
    "The microphone could not be opened.",
    "Another program may be using it. Close that program or choose another microphone.",
  ],
  insecure: [
    "The browser keeps the microphone from this page.",
    "Open the page by https, or as localhost on the machine that serves it.",
  ],
  unsupported: [
    "This browser cannot make calls.",
    "A current version of Chrome, Edge, Firefox or Safari can.",
  ],
  full: ["All lines are busy.", "Try again in a moment."],
  too_many: ["Too many calls from here in a short time.", "Wait a little, then call again."],
  unknown_graph: ["That conversation is not there any more.", "Choose another one and call again."],
  not_allowed: ["This page may not call that host.", "Open it by the address that the host prints."],
  refused: ["The host did not take the call.", "Try again; if it stays so, the host's log says why."],
  server_error: ["Something went wrong at the other end.", "Try again in a moment."],
  timeout: ["Nobody answered in time.", "Check that the host is running, then call again."],
  unreachable: ["The host cannot be reached.", "Check your connection, then call again."],
  blocked: ["No sound gets through this network.", "Another network, or a host with a TURN server, would help."],
  lost: ["The connection was lost and did not come back.", "Check your connection, then call again."],
  ended: ["The other end hung up.", "Call again whenever you like."],
};

const states: Record<CallState, string> = {
  idle: "Ready to call",
  calling: "Calling…",
  reconnecting: "Reconnecting…",
  failed: "Not connected",
  listening: "Listening",
  hearing: "Hearing you",
  thinking: "Thinking",
  speaking: "Speaking",
};

/** What the parts of a turn's latency do. */
const stages = {
  decided: "noticing that you had finished",
  transcript: "understanding the words",
  text: "thinking of an answer",
  sentence: "finishing a first sentence",
  speech: "making the voice",
  playing: "sending the sound",
  audible: "first audible sound",
};

export const ENGLISH = {
  failures,
  states,
  stages,
  language: "Language",
  conversation: "Conversation",
  crashed: "The page has a fault and cannot go on. Load it again to start afresh.",
  // The call
  call: "Call",
  hangUp: "Hang up",
  callArea: "Call",
  callControls: "Call controls",
  mute: "Mute microphone",
  microphone: "Microphone",
  defaultMicrophone: "Default microphone",
  numberedMicrophone: (number: number) => `Microphone ${number}`,
  level: "Microphone level",
  // The face
  face: "An animated face",
  noFace: "The face cannot be shown.",
  callGoesOn: "The call goes on: you can hear the answers and read them.",
  callAnyway: "You can call all the same.",
  showFace: "Show it again",
  withLimits: "with limits",
  // What was said
  talk: "Conversation",
  log: "What was said",
  you: "You",
  notHeard: "Not heard:",
  interrupted: "interrupted",
  answeredIn: (duration: string) => `answered in ${duration}`,
  rate: "Rate this answer",
  good: "Good answer",
  bad: "Bad answer",
  listening: "Go ahead, I am listening.",
  hello: "Say hello.",
  advice: [
    "Speak as you would on the telephone; interrupt whenever you like.",
    "What both of you say appears here.",
    "During a call you can type as well.",
  ],
  type: "Type something to say",
  callFirst: "Call first to type here",
  send: "Send",
  // What is wrong
  tryAgain: "Try again",
  tryIn: (seconds: number) => {
    if (seconds < 90) return `Try again in ${seconds === 1 ? "a second" : `${Math.ceil(seconds)} seconds`}.`;
    return `Try again in ${Math.ceil(seconds / 60)} minutes.`;
  },
  reconnecting: "The connection was lost. Calling again; what was said stays here.",
  noSound: "No sound gets through this network. You can type, and read the answers.",
  silentBrowser: "The browser waits for a click before it plays sound.",
  play: "Play sound",
  noWork: (node: string) => `“${node}” does not work at the moment.`,
  standIn: (node: string, member: string) => `A stand-in (${member}) serves for “${node}”; answers may be simpler.`,
  /** What the host says in English, in the words of the page; null shows it as it came. */
  fromHost: (text: string): string | null => text,
};

export type Words = typeof ENGLISH;
