/** All that can go wrong with a call; the words for the person who calls are in `english.ts` and its translations. */

import type { Words } from "./english";

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
  /** What the host said, in English. */
  message?: string | undefined;
  retryAfterSeconds?: number | undefined;
  cause?: unknown;
}

export class Failure extends Error {
  override readonly name = "Failure";
  readonly retryAfterSeconds: number | undefined;
  private readonly said: string | undefined;

  constructor(
    readonly code: FailureCode,
    { message, retryAfterSeconds, cause }: FailureOptions = {},
  ) {
    super(code, { cause });
    this.said = message;
    this.retryAfterSeconds = retryAfterSeconds;
  }

  /** What happened. */
  title(words: Words): string {
    return words.failures[this.code][0];
  }

  /** What to do about it: what the host said, where the page's language has it, or else our own hint. */
  hint(words: Words): string {
    const said = this.said === undefined ? null : words.fromHost(this.said);
    return said ?? (this.retryAfterSeconds ? words.tryIn(this.retryAfterSeconds) : words.failures[this.code][1]);
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
