import { act, cleanup, fireEvent, render, screen, within } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { chooseLanguage } from "../../src/core/language";
import { CallPage } from "../../src/ui/CallPage";
import { lastWords } from "../../src/ui/Stage";
import { FakePeer, fakeMicrophone, settle } from "../fakes";

vi.mock("../../src/avatar/digitalHuman", () => ({
  OptimizedDigitalHuman: vi.fn(function () {
    throw new Error("no WebGL");
  }),
}));

const GRAPHS = { default: "小助手", graphs: [{ name: "小助手", description: "说中文。" }, { name: "回声", description: "重复。" }] };

beforeEach(() => {
  fakeMicrophone();
  FakePeer.made = [];
  const answer = (): Response => new Response("answer", { status: 201, headers: { Location: "/c/1" } });
  vi.stubGlobal("RTCPeerConnection", FakePeer);
  vi.stubGlobal("fetch", vi.fn(async (url: URL | string) => (String(url).endsWith("graphs") ? Response.json(GRAPHS) : answer())));
  vi.spyOn(console, "error").mockImplementation(() => undefined);
});
afterEach(async () => {
  cleanup();
  act(() => chooseLanguage("en"));
  await settle();
  vi.unstubAllGlobals();
});

/** Everything that one can read or have read out. */
function readable(): string {
  const labels = [...document.querySelectorAll("[aria-label], [placeholder], [title]")].flatMap((element) =>
    ["aria-label", "placeholder", "title"].map((name) => element.getAttribute(name) ?? ""),
  );
  return [document.body.textContent, ...labels].join("\n");
}

function receive(...events: object[]): void {
  act(() => {
    for (const event of events) FakePeer.last.channels["oai-events"]!.onmessage!({ data: JSON.stringify(event) });
  });
}

test("the page is in Chinese from the call to its end once that is chosen", async () => {
  render(<CallPage />);
  fireEvent.change(await screen.findByLabelText("Language"), { target: { value: "zh" } });
  await act(async () => {
    fireEvent.click(await screen.findByRole("button", { name: "呼叫" }));
    await vi.waitFor(() => expect(FakePeer.made.at(-1)?.remote).toBeTruthy());
    FakePeer.last.openEvents();
    await settle();
  });
  receive(
    { type: "conversation.item.input_audio_transcription.completed", item_id: "u1", transcript: "法国的首都？", language: "zh" },
    { type: "response.output_audio_transcript.delta", item_id: "a1", response_id: "r1", delta: "巴黎。在塞纳河边。", language: "zh" },
    { type: "vitagraph.degraded", node: "识别", member: "" },
    {
      type: "response.done",
      response: { id: "r1", status: "cancelled", output: [{ role: "assistant", content: [{ transcript: "巴黎。" }] }] },
    },
    { type: "vitagraph.turn", cause: 1, response: "r1", outcome: "interrupted", silence: 812, parts: { text: 800, speech: 12 } },
  );
  expect(screen.getByRole("status").textContent).toBe("正在听 · 功能受限");
  const log = within(screen.getByRole("log", { name: "对话内容" }));
  expect(log.getByText("法国的首都？").lang).toBe("zh");
  expect(log.getByText("0.81 s 后回答")).toBeTruthy();
  expect(log.getByRole("button", { name: "回答得好" })).toBeTruthy();
  expect(readable().replaceAll(/Vitagraph|English|Desk|\bm?s\b/g, "")).not.toMatch(/[A-Za-z]/);
  fireEvent.click(screen.getByRole("button", { name: "挂断" }));
  expect(screen.getByRole("status").textContent).toBe("可以呼叫");
});

test("a long caption is cut before a word, or anywhere where there are none", () => {
  expect(lastWords("short")).toBe("short");
  expect(lastWords("word ".repeat(40).trim())).toMatch(/^… word .* word$/);
  expect(lastWords("字".repeat(200))).toHaveLength(141);
});
