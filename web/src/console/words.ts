/** All words of the operator's pages in English: the form that a translation must have. */

import type { CallState, CauseEvent, NodeState, Trouble, TurnEntry } from "./documents";

export type Outcome = NonNullable<TurnEntry["outcome"]>;

/** Name and definition of each part of the silence: docs/observability.md. */
const parts: Record<string, readonly [name: string, ends: string]> = {
  decided: ["Turn decided", "until the turn node has decided that the person has finished"],
  transcript: ["Transcript", "until the words of the whole turn are there"],
  text: ["First text", "until the dialogue gives the first text of the answer"],
  sentence: ["First sentence", "until the first sentence is complete"],
  speech: ["First sound", "until the voice has made the first sound"],
  playing: ["Playing", "until the first 20 ms were given to the network"],
  audible: ["Audible", "until the first audible sample is played"],
};

const outcomes: Record<Outcome | "", string> = {
  answered: "answered",
  interrupted: "interrupted",
  unanswered: "no answer",
  nothing_heard: "nothing heard",
  abandoned: "abandoned",
  "": "goes on",
};

const changes: Record<CauseEvent["what"], string> = {
  tentative: "maybe the end of the turn",
  committed: "turn decided",
  resumed: "answer goes on",
  revoked: "the person went on: withdrawn",
  interrupted: "answer interrupted",
  held: "answer held",
  released: "nothing to answer",
};

const troubles: Record<Trouble["kind"], string> = {
  failed: "failed",
  retries: "tries again",
  recovered: "works again",
  abandoned: "given up",
  late_flush: "flushed late",
  over_budget: "over budget",
  alert: "alert",
  alert_cleared: "alert cleared",
};

const states: Record<NodeState["state"], string> = {
  idle: "idle",
  working: "working",
  fallback: "a fallback works",
  failing: "failing",
};

const callOutcomes: Record<string, string> = {
  completed: "completed",
  not_connected: "never connected",
  no_seat: "no seat",
  idle: "idle for too long",
  too_long: "too long",
  shutdown: "host stopped",
  client_fault: "fault of the client",
  failed: "failed",
};

const network: Record<string, string> = {
  rtt: "round trip",
  jitter_buffer: "jitter buffer of the browser",
  playout: "playout delay of the browser",
};

const lanes = {
  caller: "Caller",
  turns: "Turns",
  causes: "Decisions",
  assistant: "Assistant",
  face: "Mouth",
  queues: "Queue age",
  troubles: "Events",
};

export const ENGLISH = {
  parts,
  outcomes,
  changes,
  troubles,
  states,
  network,
  lanes,
  console: "Console",
  callPage: "Call page",
  crashed: "The page has a fault and cannot go on. Load it again to start afresh.",
  loading: "Loading…",
  none: "–",
  // Whether the host answers
  live: "Live",
  away: (since: string) => `The host has not answered for ${since}. What is shown is older; it is asked again each moment.`,
  awayFirst: "The host does not answer. It is asked again each moment.",
  stale: "Away",
  wrongVersion: "The host speaks another version of this page. Load the page again.",
  // Key
  keyTitle: "This console is for the operator",
  keyNeeded: "Enter the key of the host: the value of VITAGRAPH_API_KEY where it was started.",
  keyWrong: "The host does not accept this key.",
  localOnly:
    "A host without a key shows its console only on its own machine. Open it there, or start the host with VITAGRAPH_API_KEY set.",
  key: "Key",
  open: "Open",
  keyKept: "It is kept in this tab until you close it.",
  // Host
  host: "Host",
  notReady: "Takes no calls",
  cpu: "Processor",
  memory: "Memory",
  lag: "Loop lag",
  up: "Up",
  version: (version: string) => `version ${version}`,
  memoryStep: (step: string) => `cleans up: ${step.replaceAll("_", " ")}`,
  seatsFree: (free: number) => (free === 1 ? "1 seat free" : `${free} seats free`),
  ofLatest: (count: number) => (count === 1 ? "of the latest turn" : `of the latest ${count} turns`),
  slowestTurn: (silence: string, part: string) => `slowest ${silence}, mostly ${part}`,
  // Alerts
  alerts: "Alerts",
  noAlerts: "No alert fires.",
  firing: (count: number) => (count === 1 ? "1 alert fires" : `${count} alerts fire`),
  severities: { page: "page", ticket: "ticket" },
  since: (ago: string) => `for ${ago}`,
  clearedAgo: (ago: string) => `cleared ${ago} ago`,
  measured: (value: string, threshold: string) => `${value}, threshold ${threshold}`,
  runbook: (heading: string) => `see “${heading}” in docs/operations.md`,
  // Calls
  calls: "Calls",
  noCalls: "No call runs.",
  running: "Running",
  endedCalls: "Ended lately",
  session: "Session",
  graph: "Graph",
  duration: "Duration",
  began: "Began",
  turns: "Turns",
  silence: "Silence",
  medianSilence: "Median silence",
  sound: "Sound",
  lost: (share: string) => `${share} lost`,
  mos: (value: string) => `MOS ${value}`,
  state: "State",
  withoutAnswer: "Without an answer",
  connecting: "connecting",
  inCall: "in call",
  fallbackFor: (nodes: string) => `fallback: ${nodes}`,
  recorded: "recorded",
  callOutcome: (outcome: CallState["outcome"]) => callOutcomes[outcome] ?? outcome,
  // Graph
  graphs: "Graphs",
  callsOf: (count: number) => (count === 1 ? "1 call" : `${count} calls`),
  noGraphs: "No graph was called yet.",
  waiting: (depth: number, age: string) => `${depth} waiting, the oldest for ${age}`,
  errors: (count: number) => (count === 1 ? "1 failure" : `${count} failures`),
  fallbacks: (count: number) => (count === 1 ? "fallback in 1 call" : `fallback in ${count} calls`),
  inserted: "inserted by the engine",
  members: (names: string) => `members: ${names}`,
  linksTable: "Nodes and links as a table",
  node: "Node",
  link: "Link",
  depth: "Waiting",
  age: "Oldest",
  drops: "Dropped",
  kinds: "Kinds",
  use: "Use",
  fallbackColumn: "Calls on a fallback",
  errorsColumn: "Failures",
  // Latest turns
  latestTurns: "Latest turns",
  noTurns: "No turn yet.",
  turn: (number: number) => `Turn ${number}`,
  slowest: (part: string) => `over budget: ${part}`,
  ago: (duration: string) => `${duration} ago`,
  // Quality
  quality: "Quality",
  success: "Turns answered",
  mosTrend: "Sound quality (MOS)",
  noQuality: "Sessions that have ended show here.",
  sparkline: (name: string, last: string, low: string, high: string) => `${name}: now ${last}, between ${low} and ${high}`,
  range: (low: string, high: string) => `${low} to ${high}`,
  // Timeline
  timeline: "Timeline",
  replay: "replay",
  call: "call",
  goesOn: "The session goes on; the page follows it.",
  missing: "There is no such session, or it is no longer kept.",
  overview: "Overview: the whole session",
  tracks: "Tracks over time. Arrow keys move, plus and minus zoom, Home shows everything, Enter plays.",
  zoomIn: "Zoom in",
  zoomOut: "Zoom out",
  earlier: "Earlier",
  later: "Later",
  all: "Whole session",
  play: "Play",
  pause: "Pause",
  loadingSound: "Loading sound…",
  noRecording: "No sound was recorded. Drag to move; after a click the wheel zooms.",
  soundFailed: "The sound cannot be played.",
  clickToListen: "Click to listen from there, drag to move. After a click the wheel zooms.",
  legend: "Parts of the silence",
  bySilence: "Slowest first",
  byTime: "In order",
  sortTurns: "Order of the turns",
  leftOut: (count: number) => `${count} entries were left out, because there were too many.`,
  // A turn
  previousTurn: "Previous turn",
  nextTurn: "Next turn",
  heard: "Heard",
  said: "Said",
  nothingSaid: "nothing",
  noWords: "no words",
  whereTimeWent: "Where the time went",
  silenceOf: (silence: string) => `${silence} of silence`,
  overBudget: (over: string, part: string) => `${over} over budget, most of it: ${part}`,
  withinBudget: (budget: string) => `within its budget of ${budget}`,
  typed: "typed",
  typedNoSilence: "A typed turn has no voice to measure the silence from.",
  confidence: (share: string) => `confidence ${share}`,
  firstOutputs: "First output of each node",
  afterVoice: "after the end of the voice",
  networkTitle: "Network, as the browser reports it",
  trace: "Trace",
  cause: (number: number) => `cause ${number}`,
  overBudgetTurns: "Over budget",
  rating: "Rating",
  good: "good",
  bad: "bad",
  part: "Part",
  share: "Share",
  eventsOfTurn: "Decisions and events",
  // Table
  table: "All of it as a table",
  time: "Time",
  what: "What",
  detail: "Detail",
  speech: "voice",
  playback: "answer played",
  cut: "cut",
  queue: "queue",
  answeredBy: (member: string) => `answered by ${member}`,
  rowsShown: (shown: number, all: number) => `${shown} of ${all} rows: the part that is shown above.`,
};

export type ConsoleWords = typeof ENGLISH;

/** The name of a part; one that is not known is called what it is. */
export function partName(words: ConsoleWords, part: string): string {
  return words.parts[part]?.[0] ?? part.replaceAll("_", " ");
}
