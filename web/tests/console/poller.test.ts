import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { keepKey } from "../../src/console/access";
import type { Console } from "../../src/console/documents";
import { Poller } from "../../src/console/poller";
import { state } from "./samples";

let answer: () => Promise<Response>;
let asked: ReturnType<typeof vi.fn>;

beforeEach(() => {
  vi.useFakeTimers();
  keepKey("");
  answer = async () => Response.json(state());
  asked = vi.fn(() => answer());
  vi.stubGlobal("fetch", asked);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const refusing = (status: number) => async () => Response.json({ error: { message: "No." } }, { status });
const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);
const headers = (): unknown => (asked.mock.lastCall?.[1] as RequestInit).headers;

describe("a poller", () => {
  test("asks once a second, and stops when it is not needed", async () => {
    const poller = new Poller<Console>("state", 1_000);
    const stop = poller.start();
    await pass(3_500);
    expect(asked).toHaveBeenCalledTimes(4);
    expect(poller.state.get()).toMatchObject({ status: { kind: "live" }, value: { version: 1 } });
    stop();
    await pass(5_000);
    expect(asked).toHaveBeenCalledTimes(4);
  });

  test("shows the key that was given", async () => {
    keepKey("the-key");
    const stop = new Poller<Console>("state", 1_000).start();
    await pass(0);
    expect(headers()).toEqual({ Authorization: "Bearer the-key" });
    keepKey("");
    await pass(1_000);
    expect(headers()).toEqual({});
    stop();
  });

  test("keeps what it has while the host is away, says for how long, and comes back", async () => {
    const poller = new Poller<Console>("state", 1_000);
    const stop = poller.start();
    await pass(0);
    answer = () => Promise.reject(new TypeError("no network"));
    await pass(4_000);
    expect(poller.state.get()).toMatchObject({ status: { kind: "away", ms: 3_000 }, value: { version: 1 } });
    answer = refusing(503);
    await pass(1_000);
    expect(poller.state.get().status).toEqual({ kind: "away", ms: 4_000 });
    answer = async () => Response.json(state());
    await pass(1_000);
    expect(poller.state.get().status).toEqual({ kind: "live" });
    stop();
  });

  test.each([401, 403, 429])("shows nothing any more once it is refused with %d, and waits for a key", async (status) => {
    const poller = new Poller<Console>("state", 1_000);
    const stop = poller.start();
    await pass(0);
    answer = refusing(status);
    await pass(1_000);
    expect(poller.state.get()).toEqual({ status: { kind: "denied", status, message: "No." }, value: null });
    await pass(60_000);
    expect(asked).toHaveBeenCalledTimes(2);
    answer = async () => Response.json(state());
    poller.again();
    await pass(0);
    expect(poller.state.get().status.kind).toBe("live");
    stop();
  });

  test("ends when the session has ended, or is not known", async () => {
    const ended = new Poller<Console>("state", 1_000, () => false);
    ended.start();
    await pass(5_000);
    expect(asked).toHaveBeenCalledTimes(1);
    answer = refusing(404);
    const unknown = new Poller<Console>("state", 1_000);
    unknown.start();
    await pass(5_000);
    expect(asked).toHaveBeenCalledTimes(2);
    expect(unknown.state.get().status).toEqual({ kind: "missing" });
  });

  test("does not take a document of another version for its own", async () => {
    answer = async () => Response.json({ ...state(), version: 2 });
    const poller = new Poller<Console>("state", 1_000);
    poller.start();
    await pass(0);
    expect(poller.state.get()).toEqual({ status: { kind: "version" }, value: null });
  });

  test("gives up a request that takes too long", async () => {
    const never = (_: string, { signal }: RequestInit): Promise<Response> =>
      new Promise((_, reject) => signal?.addEventListener("abort", () => reject(new Error("aborted"))));
    vi.stubGlobal("fetch", never);
    vi.useRealTimers();
    const poller = new Poller<Console>("state", 1_000, undefined, 30);
    const stop = poller.start();
    await vi.waitFor(() => expect(poller.state.get().status.kind).toBe("away"));
    stop();
  });
});
