/**
 * What lets the page call a host that has a key: a client secret, from the address's fragment.
 *
 *   https://host/#token=ek_...
 *
 * The fragment is never sent anywhere, and is removed from the address at once; the secret is
 * kept in memory only. It is good for one call, whose host gives another one to come back with.
 */

/** Where the address is read, and written without the secret. */
export interface AddressBar {
  readonly location: Location;
  readonly history: History;
}

export class Token {
  private secret: string | null = null;

  /** The secret for the next call; null: none is known. */
  get value(): string | null {
    return this.secret;
  }

  /** Takes the secret out of the address, where there is one. */
  takeFrom({ location, history }: AddressBar): void {
    const fragment = new URLSearchParams(location.hash.slice(1));
    const secret = fragment.get("token");
    if (secret === null) return;
    fragment.delete("token");
    const rest = fragment.toString();
    history.replaceState(history.state, "", location.pathname + location.search + (rest && `#${rest}`));
    this.secret = secret || null;
  }

  /** The host tells of a call: perhaps it gives a secret to come back with. */
  renew(session: Record<string, unknown>): void {
    const given = session.client_secret as { value?: unknown } | null | undefined;
    if (typeof given?.value === "string") this.secret = given.value;
  }

  /** Headers for a request. */
  headers(): Record<string, string> {
    return this.secret ? { Authorization: `Bearer ${this.secret}` } : {};
  }

  /** Subprotocols for a WebSocket, to which a page can give no headers. */
  protocols(): string[] {
    return this.secret ? ["realtime", `openai-insecure-api-key.${this.secret}`] : [];
  }
}

let own: Token | null = null;

/** The one of this page. Opening another link to the page in the same tab changes only the fragment. */
export function pageToken(): Token {
  if (!own) {
    const token = (own = new Token());
    token.takeFrom(globalThis);
    addEventListener("hashchange", () => token.takeFrom(globalThis));
  }
  return own;
}
