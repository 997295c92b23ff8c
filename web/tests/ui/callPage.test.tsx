import { act, cleanup, fireEvent, render, screen, within } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { avatarUrl } from "../../src/ui/AvatarView";
import { CallPage } from "../../src/ui/CallPage";
import { FakePeer, fakeMicrophone, settle } from "../fakes";

// There is no WebGL here: the face crashes, and the rest of the page must not.
vi.mock("../../src/avatar/digitalHuman", () => ({
  OptimizedDigitalHuman: vi.fn(function () {
    throw new Error("no WebGL");
  }),
}));

const GRAPHS = {
  default: "assistant",
  graphs: [
    { name: "assistant", description: "A small local assistant." },
    { name: "echo", description: "Says it again." },
  ],
};
let calls: () => Response;

beforeEach(() => {
  fakeMicrophone();
  FakePeer.made = [];
  calls = () => new Response("answer", { status: 201, headers: { Location: "/c/1" } });
  vi.stubGlobal("RTCPeerConnection", FakePeer);
  vi.stubGlobal("fetch", vi.fn(async (url: URL | string) => (String(url).endsWith("graphs") ? Response.json(GRAPHS) : calls())));
  vi.spyOn(console, "error").mockImplementation(() => undefined); // React tells of each crash it catches.
});
afterEach(async () => {
  cleanup();
  await settle();
  vi.unstubAllGlobals();
});

const button = (name: string): HTMLElement => screen.getByRole("button", { name });

async function called(): Promise<void> {
  render(<CallPage />);
  await screen.findByLabelText("Conversation", { selector: "select" });
  await act(async () => {
    fireEvent.click(button("Call"));
    await vi.waitFor(() => expect(FakePeer.made.at(-1)?.remote).toBeTruthy());
    FakePeer.last.openEvents();
    await settle();
  });
}

function receive(...events: object[]): void {
  act(() => {
    for (const event of events) FakePeer.last.channels["oai-events"]!.onmessage!({ data: JSON.stringify(event) });
  });
}

describe("the call page", () => {
  test("goes on when the face crashes, and says so", async () => {
    await called();
    expect(await screen.findByText(/The call goes on/)).toBeTruthy();
    expect(button("Hang up")).toBeTruthy();
    expect(screen.getByRole("status").textContent).toContain("Listening");
  });

  test("calls the conversation that was chosen", async () => {
    render(<CallPage />);
    const choice = await screen.findByLabelText("Conversation", { selector: "select" });
    fireEvent.change(choice, { target: { value: "echo" } });
    await act(async () => {
      fireEvent.click(button("Call"));
      await vi.waitFor(() => expect(FakePeer.made).toHaveLength(1));
      await settle();
    });
    await vi.waitFor(() =>
      expect(vi.mocked(fetch).mock.calls.map(([url]) => (url as URL).href)).toContainEqual(
        expect.stringContaining("v1/realtime/calls?graph=echo"),
      ),
    );
  });

  test("shows both sides, strikes out what was cut off, and rates an answer", async () => {
    await called();
    receive(
      { type: "conversation.item.input_audio_transcription.completed", item_id: "u1", transcript: "Capital of France?" },
      { type: "response.output_audio_transcript.delta", item_id: "a1", response_id: "r1", delta: "Paris. It lies on the Seine." },
      {
        type: "response.done",
        response: { id: "r1", status: "cancelled", output: [{ role: "assistant", content: [{ transcript: "Paris." }] }] },
      },
      { type: "vitagraph.turn", cause: 1, response: "r1", outcome: "interrupted", silence: 812, parts: { text: 812 } },
    );
    const log = within(screen.getByRole("log"));
    expect(log.getByText("Capital of France?")).toBeTruthy();
    expect(log.getByText("It lies on the Seine.").tagName).toBe("S");
    expect(log.getByText("answered in 0.81 s")).toBeTruthy();
    fireEvent.click(log.getByRole("button", { name: "Good answer" }));
    expect(log.getByRole("button", { name: "Good answer" }).getAttribute("aria-pressed")).toBe("true");
    expect(FakePeer.last.channels["oai-events"]!.sent.at(-1)).toContain('"vitagraph.rating"');
  });

  test("tells its state, also when something is served by a stand-in", async () => {
    await called();
    receive({ type: "output_audio_buffer.started", response_id: "r1" });
    expect(screen.getByRole("status").textContent).toContain("Speaking");
    receive({ type: "vitagraph.degraded", node: "asr", member: "asr.sorry" });
    expect(screen.getByRole("status").textContent).toContain("with limits");
    expect(screen.getByText(/A stand-in \(asr.sorry\) serves for “asr”/)).toBeTruthy();
    receive({ type: "vitagraph.recovered", node: "asr" });
    expect(screen.getByRole("status").textContent).not.toContain("with limits");
  });

  test("mutes", async () => {
    await called();
    fireEvent.click(button("Mute microphone"));
    expect(button("Mute microphone").getAttribute("aria-pressed")).toBe("true");
  });

  test("sends what is typed", async () => {
    await called();
    const entry = screen.getByLabelText("Type something to say");
    fireEvent.change(entry, { target: { value: "hello" } });
    fireEvent.click(button("Send"));
    expect(FakePeer.last.channels["oai-events"]!.sent[0]).toContain('"hello"');
    expect((entry as HTMLInputElement).value).toBe("");
    expect(within(screen.getByRole("log")).getByText("hello")).toBeTruthy();
  });

  test("says plainly that all lines are busy, and can call again", async () => {
    calls = () => new Response("", { status: 503, headers: { "Retry-After": "20" } });
    render(<CallPage />);
    await screen.findByLabelText("Conversation", { selector: "select" });
    fireEvent.click(button("Call"));
    expect(await screen.findByText("All lines are busy.")).toBeTruthy();
    expect(screen.getByText(/Try again in 20 seconds/)).toBeTruthy();
    expect((button("Call") as HTMLButtonElement).disabled).toBe(false);
  });

  test("tells when the host is away, and tries again", async () => {
    vi.mocked(fetch).mockRejectedValueOnce(new TypeError("away"));
    render(<CallPage />);
    expect(await screen.findByText("The host cannot be reached.")).toBeTruthy();
    fireEvent.click(button("Try again"));
    await vi.waitFor(() => expect((button("Call") as HTMLButtonElement).disabled).toBe(false));
  });

  test("hangs up", async () => {
    await called();
    fireEvent.click(button("Hang up"));
    expect(button("Call")).toBeTruthy();
    expect(screen.getByRole("status").textContent).toContain("Ready to call");
  });
});

test("another head may be named, of the own host only", () => {
  const base = "https://host.example/talk/";
  expect(avatarUrl("", base)).toBe("https://host.example/talk/avatar/head.glb");
  expect(avatarUrl("?avatar=avatar/other.glb", base)).toBe("https://host.example/talk/avatar/other.glb");
  expect(avatarUrl("?avatar=https://elsewhere.example/x.glb", base)).toBe("https://host.example/talk/avatar/head.glb");
});
