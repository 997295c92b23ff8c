import { act, cleanup, renderHook } from "@testing-library/react";
import { StrictMode } from "react";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { AudioManager } from "../../src/core/audioManager";
import { Store } from "../../src/core/store";
import { VoiceConversation } from "../../src/core/voiceConversation";
import { useAudioManager } from "../../src/hooks/useAudioManager";
import { useGraphs } from "../../src/hooks/useGraphs";
import { useResourceManager } from "../../src/hooks/useResourceManager";
import { useStore } from "../../src/hooks/useStore";
import { useVoiceConversation } from "../../src/hooks/useVoiceConversation";
import { useWebSocketConnection } from "../../src/hooks/useConnection";
import { FakeAudioContext, FakePeer, FakeSocket, fakeMicrophone, settle } from "../fakes";

let microphone: ReturnType<typeof fakeMicrophone>;

beforeEach(() => {
  microphone = fakeMicrophone();
  FakePeer.made = [];
  FakeSocket.made = [];
  vi.stubGlobal("RTCPeerConnection", FakePeer);
  vi.stubGlobal("WebSocket", FakeSocket);
});
afterEach(async () => {
  cleanup();
  await settle();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

test("useStore draws anew when the value changes, and only then", () => {
  const store = new Store(1);
  let drawn = 0;
  const { result } = renderHook(() => {
    drawn++;
    return useStore(store);
  });
  act(() => store.set(1));
  expect(drawn).toBe(1);
  act(() => store.set(2));
  expect(result.current).toBe(2);
});

describe("useResourceManager", () => {
  test("runs all clean-ups once, the last first, even if one throws", () => {
    const order: number[] = [];
    const { result, unmount } = renderHook(() => useResourceManager());
    result.current.register(() => order.push(1));
    result.current.register(() => {
      throw new Error("broken");
    });
    result.current.register(() => order.push(3));
    const taken = result.current.register(() => order.push(4));
    taken();
    unmount();
    expect(order).toEqual([3, 1]);
    expect(result.current.release()).toEqual([]);
    expect(order).toEqual([3, 1]);
  });
});

describe("useWebSocketConnection", () => {
  const listeners = { event: vi.fn(), batch: vi.fn(), voice: vi.fn() };
  const mounted = () =>
    renderHook(() => useWebSocketConnection("wss://host.example/", listeners, { backoffMs: [100, 200] }));

  test("connects, sends, tells its state, and disconnects", async () => {
    const { result } = mounted();
    expect(result.current.state.phase).toBe("idle");
    let done!: Promise<void>;
    act(() => void (done = result.current.connect()));
    expect(result.current.state.phase).toBe("connecting");
    await act(async () => {
      FakeSocket.last.open();
      await done;
    });
    expect(result.current.state.phase).toBe("connected");
    expect(result.current.send({ type: "response.cancel" })).toBe(true);
    act(() => result.current.disconnect());
    expect(result.current.state.phase).toBe("idle");
    expect(FakeSocket.last.closed).toBeGreaterThan(0);
  });

  test("gives up after 5 s and tells the error", async () => {
    vi.useFakeTimers();
    const { result } = mounted();
    act(() => void result.current.connect().catch(() => undefined));
    await act(() => vi.advanceTimersByTimeAsync(5_001));
    expect(result.current.state).toMatchObject({ phase: "failed", lastError: { code: "timeout" } });
    expect(vi.getTimerCount()).toBe(0);
  });

  test("closes and stops trying when the component goes", async () => {
    vi.useFakeTimers();
    const { result, unmount } = mounted();
    act(() => void result.current.connect().catch(() => undefined));
    await act(async () => {
      FakeSocket.last.open();
      await settle();
    });
    act(() => FakeSocket.last.onclose?.({ code: 1006 }));
    expect(result.current.state.phase).toBe("reconnecting");
    unmount();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(FakeSocket.made).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });
});

test("useAudioManager frees tracks and AudioContext when the component goes", async () => {
  const audio = new AudioManager();
  const { result, unmount } = renderHook(() => useAudioManager(audio));
  await act(() => result.current.startMicrophone().then(() => undefined));
  expect(result.current.state).toMatchObject({ recording: true, devices: [{ id: "desk", label: "Desk" }] });
  expect(FakeAudioContext.open).toBe(1);
  unmount();
  expect(FakeAudioContext.open).toBe(0);
  expect(microphone.streams[0]!.tracks[0]!.stopped).toBe(true);
});

describe("useVoiceConversation", () => {
  beforeEach(() => {
    vi.stubGlobal("fetch", vi.fn(async () => new Response("answer", { status: 201 })));
  });

  test("tells a refused microphone, and is not busy", async () => {
    microphone.refuse("NotAllowedError");
    const { result } = renderHook(() => useVoiceConversation(), { wrapper: StrictMode });
    await act(() => result.current.voice.start({ graph: "assistant" }));
    expect(result.current).toMatchObject({ state: "idle", busy: false, failure: { code: "microphone_refused" } });
  });

  test("hangs up when the page is left", async () => {
    const voice = new VoiceConversation();
    const { result } = renderHook(() => useVoiceConversation(() => voice));
    await act(async () => {
      void voice.start({ graph: "assistant" });
      await vi.waitFor(() => expect(FakePeer.last.remote).not.toBeNull());
      FakePeer.last.openEvents();
      await settle();
    });
    expect(result.current).toMatchObject({ state: "listening", busy: true, connected: true, sound: true });
    act(() => void dispatchEvent(new Event("pagehide")));
    expect(result.current.state).toBe("idle");
    expect(FakePeer.last.closed).toBe(true);
  });
});

test("useGraphs tells why there is nothing to call, and tries again when asked", async () => {
  const list = { default: "echo", graphs: [{ name: "echo", description: "" }] };
  const fetched = vi.fn().mockRejectedValueOnce(new TypeError("away")).mockResolvedValue(Response.json(list));
  vi.stubGlobal("fetch", fetched);
  const { result } = renderHook(() => useGraphs());
  await vi.waitFor(() => expect(result.current.failure?.code).toBe("unreachable"));
  act(() => result.current.retry());
  await vi.waitFor(() => expect(result.current.list).toEqual(list));
  expect(result.current.failure).toBeNull();
});
