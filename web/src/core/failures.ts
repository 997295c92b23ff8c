/** All that can go wrong with a call, in words for the person who calls. */

export type FailureCode =
  | "microphone_refused"
  | "microphone_missing"
  | "microphone_busy"
  | "insecure"
  | "unsupported"
  | "full"
  | "too_many"
  | "unknown_graph"
  | "not_allowed"
  | "refused"
  | "server_error"
  | "timeout"
  | "unreachable"
  | "blocked"
  | "lost"
  | "ended";

const WORDS: Record<FailureCode, readonly [title: string, hint: string]> = {
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

/** Codes after which it is no use to try again by oneself. */
const FINAL = new Set<FailureCode>([
  "microphone_refused",
  "microphone_missing",
  "microphone_busy",
  "insecure",
  "unsupported",
  "full",
  "too_many",
  "unknown_graph",
  "not_allowed",
  "refused",
  "ended",
]);

/** All callers of a host that was restarted come at once, so it may ask some of them to wait. */
const LONGEST_WAIT_SECONDS = 15;

export interface FailureOptions {
  /** What the host said; shown in place of our own hint. */
  message?: string | undefined;
  retryAfterSeconds?: number | undefined;
  cause?: unknown;
}

export class Failure extends Error {
  override readonly name = "Failure";
  readonly title: string;
  readonly hint: string;
  readonly retryAfterSeconds: number | undefined;

  constructor(
    readonly code: FailureCode,
    { message, retryAfterSeconds, cause }: FailureOptions = {},
  ) {
    const [title, hint] = WORDS[code];
    super(title, { cause });
    this.title = title;
    this.hint = message ?? (retryAfterSeconds ? `Try again in ${waiting(retryAfterSeconds)}.` : hint);
    this.retryAfterSeconds = retryAfterSeconds;
  }

  get final(): boolean {
    return FINAL.has(this.code);
  }

  /** Milliseconds after which a call that was lost may be tried again; null if there is no use in that. */
  get againMs(): number | null {
    if (!this.final) return 0;
    const seconds = this.code === "full" || this.code === "too_many" ? this.retryAfterSeconds : undefined;
    return seconds !== undefined && seconds <= LONGEST_WAIT_SECONDS ? seconds * 1_000 : null;
  }
}

function waiting(seconds: number): string {
  if (seconds < 90) return seconds === 1 ? "a second" : `${Math.ceil(seconds)} seconds`;
  return `${Math.ceil(seconds / 60)} minutes`;
}

const BY_STATUS: Record<number, FailureCode> = {
  401: "not_allowed",
  403: "not_allowed",
  404: "unknown_graph",
  429: "too_many",
  503: "full",
};

/** What an answer of the host that is no 2xx means. */
export async function failureOf(response: Response): Promise<Failure> {
  const code = BY_STATUS[response.status] ?? (response.status >= 500 ? "server_error" : "refused");
  const seconds = Number(response.headers.get("Retry-After"));
  return new Failure(code, {
    message: messageIn(await response.text().catch(() => "")),
    retryAfterSeconds: seconds > 0 ? seconds : undefined,
  });
}

function messageIn(body: string): string | undefined {
  try {
    const parsed = JSON.parse(body) as { error?: { message?: unknown } } | null;
    const message = parsed?.error?.message;
    return typeof message === "string" && message !== "" ? message : undefined;
  } catch {
    return undefined;
  }
}

const BY_NAME: Record<string, FailureCode> = {
  NotAllowedError: "microphone_refused",
  SecurityError: "microphone_refused",
  NotFoundError: "microphone_missing",
  OverconstrainedError: "microphone_missing",
  NotReadableError: "microphone_busy",
  AbortError: "microphone_busy",
};

/** What the browser means by refusing a microphone. */
export function microphoneFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  const name = error instanceof Error ? error.name : "";
  return new Failure(BY_NAME[name] ?? "microphone_busy", { cause: error });
}

/** Any error as a failure. */
export function asFailure(error: unknown, otherwise: FailureCode = "server_error"): Failure {
  return error instanceof Failure ? error : new Failure(otherwise, { cause: error });
}
