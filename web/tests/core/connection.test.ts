import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { ENGLISH } from "../../src/core/english";
import { Connection } from "../../src/core/connection";
import { Failure } from "../../src/core/failures";
import type { TransportListeners } from "../../src/core/transport";
import { FakeTransport, settle } from "../fakes";

const way = (listeners: TransportListeners): FakeTransport => new FakeTransport(listeners);
const listeners = { event: vi.fn(), batch: vi.fn(), voice: vi.fn() };

let connection: Connection;
const phase = (): string => connection.state.get().phase;

beforeEach(() => {
  vi.useFakeTimers();
  FakeTransport.made = [];
  connection = new Connection(listeners, { backoffMs: [100, 200, 400] });
});
afterEach(() => {
  connection.disconnect();
  vi.useRealTimers();
});

async function connected(): Promise<void> {
  const done = connection.connect(way);
  FakeTransport.last.succeed();
  await done;
}

describe("connecting", () => {
  test("goes from idle over connecting to connected", async () => {
    expect(phase()).toBe("idle");
    const done = connection.connect(way);
    expect(phase()).toBe("connecting");
    FakeTransport.last.succeed();
    await done;
    expect(connection.state.get()).toEqual({ phase: "connected", attempt: 0, lastError: null, sound: true });
  });

  test("is given up after 5 s, and the transport closed", async () => {
    const done = connection.connect(way).catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(4_999);
    expect(phase()).toBe("connecting");
    await vi.advanceTimersByTimeAsync(2);
    expect(await done).toMatchObject({ code: "timeout" });
    expect(phase()).toBe("failed");
    expect(FakeTransport.last.closed).toBeGreaterThan(0);
  });

  test("in time leaves no time-out behind that could end the call later", async () => {
    await connected();
    expect(vi.getTimerCount()).toBe(0);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(phase()).toBe("connected");
  });

  test("tells why the host refused, and tries nothing else", async () => {
    const done = connection.connect(way, way).catch((error: unknown) => error);
    FakeTransport.last.fail(new Failure("full", { retryAfterSeconds: 20 }));
    expect(await done).toMatchObject({ code: "full" });
    expect(FakeTransport.made).toHaveLength(1);
    expect(connection.state.get().lastError?.hint(ENGLISH)).toBe("Try again in 20 seconds.");
  });

  test("takes the second way where the network lets the first one not through", async () => {
    const done = connection.connect(way, way);
    FakeTransport.last.fail(new Failure("blocked"));
    await settle();
    expect(FakeTransport.made).toHaveLength(2);
    FakeTransport.last.succeed();
    await done;
    expect(phase()).toBe("connected");
  });

  test("tells the reason of the first way when none works", async () => {
    const done = connection.connect(way, way).catch((error: unknown) => error);
    FakeTransport.last.fail(new Failure("blocked"));
    await settle();
    FakeTransport.last.fail(new Failure("unreachable"));
    expect(await done).toMatchObject({ code: "blocked" });
  });

  test("can be given up by hanging up", async () => {
    const done = connection.connect(way).catch((error: unknown) => error);
    connection.disconnect();
    await vi.runAllTimersAsync();
    expect(await done).toBeInstanceOf(Failure);
    expect(phase()).toBe("idle");
    expect(FakeTransport.last.closed).toBeGreaterThan(0);
  });
});

describe("a lost connection", () => {
  test("is made again after a pause", async () => {
    await connected();
    FakeTransport.last.listeners.lost(new Failure("lost"));
    expect(connection.state.get()).toMatchObject({ phase: "reconnecting", attempt: 1 });
    await vi.advanceTimersByTimeAsync(100);
    expect(FakeTransport.made).toHaveLength(2);
    FakeTransport.last.succeed();
    await settle();
    expect(connection.state.get()).toMatchObject({ phase: "connected", lastError: null });
  });

  test("is tried again with growing pauses, and not for ever", async () => {
    await connected();
    FakeTransport.last.listeners.lost(new Failure("lost"));
    for (const pause of [100, 200, 400]) {
      await vi.advanceTimersByTimeAsync(pause - 1);
      const before = FakeTransport.made.length;
      await vi.advanceTimersByTimeAsync(1);
      expect(FakeTransport.made).toHaveLength(before + 1);
      FakeTransport.last.fail(new Failure("unreachable"));
      await settle();
    }
    expect(connection.state.get()).toMatchObject({ phase: "failed", lastError: { code: "lost" } });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(FakeTransport.made).toHaveLength(4);
  });

  test("is made again when a host that is busy for a moment says so", async () => {
    await connected();
    FakeTransport.last.listeners.lost(new Failure("lost"));
    await vi.advanceTimersByTimeAsync(100);
    FakeTransport.last.fail(new Failure("full", { retryAfterSeconds: 5 }));
    await vi.advanceTimersByTimeAsync(4_999);
    expect(FakeTransport.made).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(1);
    FakeTransport.last.succeed();
    await settle();
    expect(phase()).toBe("connected");
  });

  test.each([new Failure("full"), new Failure("full", { retryAfterSeconds: 60 }), new Failure("not_allowed")])(
    "is given up when the host says no for longer",
    async (refusal) => {
      await connected();
      FakeTransport.last.listeners.lost(new Failure("lost"));
      await vi.advanceTimersByTimeAsync(100);
      FakeTransport.last.fail(refusal);
      await settle();
      expect(connection.state.get()).toMatchObject({ phase: "failed", lastError: { code: refusal.code } });
    },
  );

  test("is made again by the way that worked, and by another only where that is blocked", async () => {
    const made: string[] = [];
    const named = (name: string) => (to: TransportListeners) => {
      made.push(name);
      return new FakeTransport(to);
    };
    const done = connection.connect(named("sound"), named("text"));
    FakeTransport.last.succeed();
    await done;
    FakeTransport.last.listeners.lost(new Failure("lost"));
    await vi.advanceTimersByTimeAsync(100);
    FakeTransport.last.fail(new Failure("timeout"));
    await vi.advanceTimersByTimeAsync(200);
    expect(made).toEqual(["sound", "sound", "sound"]);
    FakeTransport.last.fail(new Failure("blocked"));
    await vi.advanceTimersByTimeAsync(400);
    FakeTransport.last.fail(new Failure("blocked"));
    await settle();
    expect(made.slice(3)).toEqual(["sound", "text"]);
    FakeTransport.last.succeed();
    await settle();
    expect(phase()).toBe("connected");
  });

  test("is not made again after the other end hung up", async () => {
    await connected();
    FakeTransport.last.listeners.lost(new Failure("ended"));
    expect(connection.state.get()).toMatchObject({ phase: "failed", lastError: { code: "ended" } });
  });

  test("is let go when one hangs up in between", async () => {
    await connected();
    FakeTransport.last.listeners.lost(new Failure("lost"));
    connection.disconnect();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(phase()).toBe("idle");
    expect(FakeTransport.made).toHaveLength(1);
  });

  test("of a former call does not disturb the present one", async () => {
    await connected();
    const former = FakeTransport.last;
    await connected();
    former.listeners.lost(new Failure("lost"));
    expect(phase()).toBe("connected");
  });
});

test("sends only while connected, and says so", async () => {
  expect(connection.send({ type: "response.cancel" })).toBe(false);
  await connected();
  expect(connection.send({ type: "response.cancel" })).toBe(true);
  expect(FakeTransport.last.sent).toEqual([{ type: "response.cancel" }]);
});
