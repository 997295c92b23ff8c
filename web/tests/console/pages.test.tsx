import { act, cleanup, fireEvent, render, screen, within } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { ConsolePage } from "../../src/console/ConsolePage";
import { pieces } from "../../src/console/Sparkline";
import { keepKey, readKey } from "../../src/console/access";
import { SessionPage } from "../../src/console/timeline/SessionPage";
import { TimelineView } from "../../src/console/timeline/TimelineView";
import { chooseLanguage } from "../../src/core/language";
import { state, timeline, turn } from "./samples";

const KEY = "the-key";
let document_: object;
let asked: string[];

beforeEach(() => {
  document_ = state();
  asked = [];
  keepKey("");
  vi.stubGlobal(
    "fetch",
    vi.fn(async (url: string, { headers }: { headers: Record<string, string> }) => {
      asked.push(url);
      if (headers.Authorization === `Bearer ${KEY}`) return Response.json(document_);
      return Response.json({ error: { message: "This host takes calls only from those who have its key." } }, { status: 401 });
    }),
  );
});
afterEach(() => {
  cleanup();
  keepKey("");
  chooseLanguage("en");
  location.hash = "";
  vi.unstubAllGlobals();
});

describe("the console", () => {
  test("asks for the key, says when it is wrong, and opens with the right one", async () => {
    render(<ConsolePage />);
    const enter = async (key: string): Promise<void> => {
      fireEvent.change(await screen.findByLabelText("Key"), { target: { value: key } });
      fireEvent.click(screen.getByRole("button", { name: "Open" }));
    };
    await enter("wrong");
    expect(await screen.findByText("The host does not accept this key.")).toBeTruthy();
    await enter(KEY);
    expect(await screen.findByText("No alert fires.")).toBeTruthy();
    expect(readKey()).toBe(KEY);
    expect(sessionStorage.length).toBe(1);
  });

  test("on another machine than a host without a key says where to open it, and has no form", async () => {
    vi.stubGlobal("fetch", vi.fn(async () => Response.json({ error: { message: "Only this machine." } }, { status: 403 })));
    render(<ConsolePage />);
    expect(await screen.findByText("Only this machine.")).toBeTruthy();
    expect(screen.queryByLabelText("Key")).toBeNull();
  });

  test("of a host that does not answer says so", async () => {
    vi.stubGlobal("fetch", vi.fn(async () => Promise.reject(new TypeError("no network"))));
    render(<ConsolePage />);
    expect(await screen.findByText(/The host does not answer/)).toBeTruthy();
  });

  test("names the alerts that fire, whom they concern, and since when", async () => {
    keepKey(KEY);
    const alert = { name: "Slow", severity: "page" as const, summary: "Slow answers.", runbook: "slow-answers" };
    const more = { since: 1_780_000_040, cleared: null, value: 2.1, threshold: 1.2, labels: { part: "text" } };
    document_ = state({ alerts: [{ ...alert, ...more }] });
    render(<ConsolePage />);
    const shown = await screen.findByRole("region", { name: "Alerts" });
    expect(within(shown).getByRole("listitem").textContent).toBe(
      "Slow pagepart First textSlow answers.for 1 min · 2.1, threshold 1.2 · see “slow answers” in docs/operations.md",
    );
  });

  test("leads from each call and turn to its timeline", async () => {
    keepKey(KEY);
    const call = { id: "rtc_1", graph: "assistant", began: 0, duration: 5_000, turns: 2, connected: true, outcome: "", reason: "" };
    const last = { session: "rtc_1", number: 2, at: 1_780_000_090, outcome: "answered", silence: 900, parts: { text: 900 } };
    document_ = state({
      calls: [{ ...call, silence: 900, fallbacks: [], lost: null, mos: null, recorded: false }],
      turns: [{ ...last, over_budget: "text" }],
    });
    render(<ConsolePage />);
    const links = await screen.findAllByRole("link", { name: /rtc_1/ });
    expect(links.map((link) => link.getAttribute("href"))).toEqual(["console/sessions/rtc_1", "console/sessions/rtc_1#turn-2"]);
    expect(screen.getByText("over budget: First text")).toBeTruthy();
  });

  test("speaks Chinese", async () => {
    keepKey(KEY);
    chooseLanguage("zh");
    render(<ConsolePage />);
    expect(await screen.findByText("没有告警。")).toBeTruthy();
  });
});

describe("the timeline", () => {
  const slow = turn({ number: 2, cause: 2, start: 6_000, voice_end: 6_500, silence: 3_100, over_budget: "text", heard: "And on Sunday?" });

  test("of a session is asked for by the session's id, until the session has ended", async () => {
    keepKey(KEY);
    document_ = timeline();
    render(<SessionPage id="rtc_1" />);
    expect(await screen.findByText("completed", { exact: false })).toBeTruthy();
    expect(asked).toEqual(["rtc_1/timeline"]);
  });

  test("begins with the worst turn, and goes to the one that is chosen", () => {
    render(<TimelineView timeline={timeline({ turns: [turn(), slow] })} />);
    expect(screen.getByRole("region", { name: /^Turn 2/ }).textContent).toContain("1.60 s over budget, most of it: First text");
    fireEvent.click(screen.getByRole("button", { name: /#1/ }));
    expect(screen.getByRole("region", { name: /^Turn 1/ }).textContent).toContain("within its budget of 1.50 s");
    fireEvent.click(screen.getByRole("button", { name: "Next turn" }));
    expect(screen.getByRole("region", { name: /^Turn 2/ })).toBeTruthy();
  });

  test("opens at the turn that the address names", () => {
    location.hash = "#turn-1";
    render(<TimelineView timeline={timeline({ turns: [turn(), slow] })} />);
    expect(screen.getByRole("region", { name: /^Turn 1/ })).toBeTruthy();
  });

  test("sorts the turns by their silence, those without an answer first", () => {
    const lost = turn({ number: 3, start: 9_000, outcome: "unanswered", silence: null, why: "chat failed" });
    render(<TimelineView timeline={timeline({ turns: [turn(), slow, lost] })} />);
    fireEvent.click(screen.getByRole("button", { name: "Slowest first" }));
    const rows = within(screen.getByRole("region", { name: "Turns" })).getAllByRole("listitem");
    expect(rows.map((row) => row.textContent.slice(0, 2))).toEqual(["#3", "#2", "#1"]);
    expect(screen.getByRole("region", { name: /^Turn 3/ }).textContent).toContain("chat failed");
  });

  test("zooms and moves by keys and buttons, and shows where it is", () => {
    render(<TimelineView timeline={timeline()} />);
    const range = (): string | null => document.querySelector(".range")!.textContent;
    const tracks = screen.getByRole("group", { name: /^Tracks/ });
    expect(range()).toBe("0:00 – 0:10");
    fireEvent.click(screen.getByRole("button", { name: "Zoom in" }));
    expect(range()).toBe("0:02.5 – 0:07.5");
    fireEvent.keyDown(tracks, { key: "ArrowRight" });
    expect(range()).toBe("0:03.5 – 0:08.5");
    fireEvent.keyDown(tracks, { key: "Home" });
    expect(range()).toBe("0:00 – 0:10");
    expect(screen.getByText(/No sound was recorded/)).toBeTruthy();
  });

  test("grows with the session while it goes on", () => {
    const { rerender } = render(<TimelineView timeline={timeline({ outcome: "" })} />);
    act(() => rerender(<TimelineView timeline={timeline({ outcome: "", duration: 20_000 })} />));
    expect(document.querySelector(".range")!.textContent).toBe("0:00 – 0:20");
  });

  test("has a table of all that it shows", async () => {
    render(<TimelineView timeline={timeline()} />);
    const details = document.querySelector<HTMLDetailsElement>("details.more")!;
    act(() => {
      details.open = true;
      details.dispatchEvent(new Event("toggle"));
    });
    expect(await screen.findByRole("cell", { name: "0:03.30" })).toBeTruthy();
  });
});

test("a curve is broken where nothing was measured", () => {
  expect(pieces([1, null, 2, 3, null])).toEqual([[[0, 1]], [[2, 2], [3, 3]]]); // prettier-ignore
});
