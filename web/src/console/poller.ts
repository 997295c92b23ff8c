/** Asks the host for a document again and again, and says how that goes. */

import { Store } from "../core/store";
import { authorization } from "./access";
import { DOCUMENT_VERSION } from "./documents";

export type Status =
  | { kind: "loading" }
  | { kind: "live" }
  /** For how many milliseconds the host has not answered. */
  | { kind: "away"; ms: number }
  /** The host wants a key (401), has another (401 with a key), or is asked from another machine (403). */
  | { kind: "denied"; status: number; message: string }
  | { kind: "missing" }
  | { kind: "version" };

export interface Polled<T> {
  status: Status;
  /** The last one that came. */
  value: T | null;
}

interface Document {
  version: number;
}

export class Poller<T extends Document> {
  readonly state = new Store<Polled<T>>({ status: { kind: "loading" }, value: null });
  private timer: ReturnType<typeof setTimeout> | undefined;
  private request: AbortController | null = null;
  private silentSince: number | null = null;

  /** Asks every `interval` ms while `goesOn` says so; `timeout` ms are waited for an answer. */
  constructor(
    private readonly url: string,
    private readonly interval: number,
    private readonly goesOn: (value: T) => boolean = () => true,
    private readonly timeout = 8_000,
  ) {}

  /** Begins; what is given back ends it. */
  start(): () => void {
    void this.ask();
    return () => this.stop();
  }

  /** Asks at once, as with another key. */
  again(): void {
    this.stop();
    void this.ask();
  }

  private stop(): void {
    clearTimeout(this.timer);
    this.request?.abort();
    this.request = null;
  }

  private async ask(): Promise<void> {
    const request = (this.request = new AbortController());
    const next = await this.fetch(request.signal);
    if (this.request !== request) return;
    this.state.set(next);
    if (this.mayAskAgain(next)) this.timer = setTimeout(() => void this.ask(), this.interval);
  }

  private mayAskAgain({ status, value }: Polled<T>): boolean {
    if (status.kind === "live") return value !== null && this.goesOn(value);
    return status.kind === "away";
  }

  private async fetch(signal: AbortSignal): Promise<Polled<T>> {
    const { value } = this.state.get();
    try {
      const timeout = AbortSignal.timeout(this.timeout);
      const answer = await fetch(this.url, { headers: authorization(), signal: AbortSignal.any([signal, timeout]) });
      if (answer.status < 500) this.silentSince = null;
      if (answer.ok) return await read<T>(answer, value);
      const denied = [401, 403, 429].includes(answer.status);
      // What an operator may not see any more is not left on the screen.
      if (denied) return { status: await refusal(answer), value: null };
      if (answer.status === 404) return { status: { kind: "missing" }, value };
    } catch {
      // It cannot be reached, or gave no JSON.
    }
    return { status: this.away(), value };
  }

  private away(): Status {
    this.silentSince ??= Date.now();
    return { kind: "away", ms: Date.now() - this.silentSince };
  }
}

async function read<T extends Document>(answer: Response, before: T | null): Promise<Polled<T>> {
  const value = (await answer.json()) as T;
  if (value.version !== DOCUMENT_VERSION) return { status: { kind: "version" }, value: before };
  return { status: { kind: "live" }, value };
}

async function refusal(answer: Response): Promise<Status> {
  const body = (await answer.json().catch(() => null)) as { error?: { message?: unknown } } | null;
  const message = body?.error?.message;
  return { kind: "denied", status: answer.status, message: typeof message === "string" ? message : "" };
}
