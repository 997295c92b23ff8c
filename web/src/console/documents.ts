// Generated from vitagraph/observe/timeline.py. Do not edit: python -m vitagraph.observe._typescript

export const DOCUMENT_VERSION = 1;

/** Milliseconds of one value of an envelope. */
export const STEP = 50;

/** The parts of the silence before an answer, in order. */
export const PARTS = ["decided", "transcript", "text", "sentence", "speech", "playing", "audible"] as const;

/** From `start` to `end`. */
export interface Span {
  start: number;
  end: number;
}

/** How loud a sound was: one value for each `step` from 0 on, the highest amplitude, 0 to 255. */
export interface Envelope {
  step: number;
  peaks: number[];
}

/** A sentence of the assistant that was played. */
export interface PlayedSentence {
  cause: number;
  start: number;
  /** None while it plays. */
  end: number | null;
  /** As far as it was heard. */
  text: string;
  /** Whether it was stopped before its end. */
  cut: boolean;
}

/** A turn of the person, and the answer to it. */
export interface TurnEntry {
  /** From 1. */
  number: number;
  cause: number;
  /** When the voice began; for a typed turn, when it was typed. */
  start: number;
  voice_end: number;
  typed: boolean;
  /** None while it goes on. */
  outcome: "abandoned" | "answered" | "interrupted" | "nothing_heard" | "unanswered" | null;
  /** Why there is no answer, in words. */
  why: string;
  heard: string;
  language: string;
  /** Of the transcript, 0 to 1; None without one. */
  confidence: number | null;
  /** The answer, as far as it was heard. */
  said: string;
  silence: number | null;
  /** What each part added to the silence, in order; they add up to it. */
  parts: Record<string, number>;
  /** When the milestone of each part was reached. */
  reached: Record<string, number>;
  /** When each node gave its first output for this cause. */
  firsts: Record<string, number>;
  budget: number | null;
  /** The largest part, of a turn that took longer than the graph's budget. */
  over_budget: string;
  /** What the client's browser reports of the way there and back, after the answer was sent: see NETWORK. */
  network: Record<string, number>;
  /** 1 or -1 from the person; 0 without one. */
  rating: number;
  /** The id of its trace, 32 hexadecimal digits; empty without tracing. */
  trace: string;
}

/** A decision of the turn node. */
export interface CauseEvent {
  at: number;
  cause: number;
  what: "committed" | "held" | "interrupted" | "released" | "resumed" | "revoked" | "tentative";
  reason: string;
}

/** A failure of a node's member, the return of its primary, or a warning of the engine. */
export interface Trouble {
  at: number;
  kind: "abandoned" | "alert" | "alert_cleared" | "failed" | "late_flush" | "over_budget" | "recovered" | "retries";
  node: string;
  member: string;
  message: string;
  answered_by: string;
  /** `fault`, `limit` or `opening`, of a failure. */
  reason: string;
}

/** A link that was not empty, once a second. */
export interface QueueSample {
  at: number;
  link: string;
  depth: number;
  /** How long its oldest packet has waited. */
  age: number;
}

/** Face frames that belong to a part of an answer. */
export interface FaceSpan {
  start: number;
  end: number;
  cause: number;
  /** How open the mouth is, one value for each `STEP`, 0 to 255. */
  jaw: number[];
}

/** One session. */
export interface Timeline {
  id: string;
  graph: string;
  /** Seconds since 1970. */
  began: number;
  duration: number;
  version: number;
  kind: "call" | "replay";
  /** Empty while it goes on; otherwise as in `vitagraph_calls_total`. */
  outcome: string;
  reason: string;
  caller: Envelope;
  assistant: Envelope;
  /** Addresses of the recorded sound of each side, from 0 on, as WAV; data: addresses in a page that stands alone. */
  sound: Partial<Record<"assistant" | "caller", string>>;
  /** Where the voice detector heard a voice. */
  speech: Span[];
  turns: TurnEntry[];
  causes: CauseEvent[];
  playbacks: PlayedSentence[];
  troubles: Trouble[];
  queues: QueueSample[];
  face: FaceSpan[];
  /** Entries that were dropped because there were too many. */
  left_out: number;
}

/** A node of a graph, over all its calls that run. */
export interface NodeState {
  name: string;
  use: string;
  /** The `use` of each, the primary first. */
  members: string[];
  inserted: boolean;
  /** `fallback`: in some call another member does the work; `failing`: it failed in the last 10 s unanswered. */
  state: "failing" | "fallback" | "idle" | "working";
  /** Calls in which a fallback does the work. */
  fallbacks: number;
  /** Failures since the host began. */
  errors: number;
}

/** A link of a graph, over all its calls that run. */
export interface LinkState {
  name: string;
  source: string;
  target: string;
  kinds: string[];
  queued: boolean;
  depth: number;
  age: number;
  dropped: number;
}

/** A graph that was called, or is the default. */
export interface GraphState {
  name: string;
  description: string;
  calls: number;
  nodes: NodeState[];
  links: LinkState[];
}

/** A call that runs, or one of the latest that have ended. */
export interface CallState {
  id: string;
  graph: string;
  /** Seconds since 1970. */
  began: number;
  duration: number;
  turns: number;
  connected: boolean;
  /** Empty while it runs. */
  outcome: string;
  reason: string;
  /** The median of its turns' silences. */
  silence: number | null;
  fallbacks: string[];
  /** The share of its packets of sound that were lost, 0 to 1; None without WebRTC. */
  lost: number | null;
  /** Its estimated quality of sound, 1 to 4.5. */
  mos: number | null;
  recorded: boolean;
}

/** One of the latest turns of all calls. Without words: the timeline of its session has them. */
export interface LatestTurn {
  session: string;
  number: number;
  /** Seconds since 1970. */
  at: number;
  outcome: string;
  silence: number | null;
  parts: Record<string, number>;
  over_budget: string;
}

/** An alert that fires, or one of the latest that have cleared. */
export interface AlertState {
  name: string;
  severity: "page" | "ticket";
  summary: string;
  /** A heading in docs/operations.md. */
  runbook: string;
  /** Seconds since 1970. */
  since: number;
  cleared: number | null;
  value: number;
  threshold: number;
  labels: Record<string, string>;
}

/** The quality of the sessions of one stretch of time. */
export interface QualityPoint {
  /** Its beginning, seconds since 1970. */
  at: number;
  sessions: number;
  /** The median silence. */
  silence: number | null;
  /** The share of turns that were answered, 0 to 1. */
  success: number | null;
  mos: number | null;
}

/** The process of the host. */
export interface ProcessState {
  version: string;
  /** Seconds since 1970. */
  began: number;
  ready: boolean;
  /** Why it takes no call; empty if it does. */
  reason: string;
  sessions: number;
  seats_free: number;
  /** The share that is used of what the process may use, 0 to 1; so is `memory`. */
  cpu: number;
  memory: number;
  lag: number;
  /** How far the clean-up of memory has gone: see `vitagraph_memory_step`. */
  memory_step: string;
}

/** Everything that the console shows at one moment. */
export interface Console {
  /** Seconds since 1970. */
  at: number;
  host: ProcessState;
  graphs: GraphState[];
  /** Those that run first, the newest first. */
  calls: CallState[];
  /** The newest first. */
  turns: LatestTurn[];
  alerts: AlertState[];
  quality: QualityPoint[];
  version: number;
}
