/** The operator's key: kept in the tab's session storage, and sent with each request for data. */

const KEY = "vitagraph.console.key";
let memory = "";

export function readKey(): string {
  try {
    return sessionStorage.getItem(KEY) ?? "";
  } catch {
    return memory;
  }
}

/** Keeps the key; an empty one is forgotten. */
export function keepKey(key: string): void {
  memory = key;
  try {
    if (key) sessionStorage.setItem(KEY, key);
    else sessionStorage.removeItem(KEY);
  } catch {
    // Storage is switched off: the key holds until the page is loaded again.
  }
}

/** The headers that show a key. */
export function authorization(key = readKey()): Record<string, string> {
  return key ? { Authorization: `Bearer ${key}` } : {};
}
