import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { CHINESE } from "../../src/core/chinese";
import { ENGLISH } from "../../src/core/english";
import { Failure } from "../../src/core/failures";
import { LANGUAGES, initialLanguage } from "../../src/core/language";
import { EMPTY, reduce } from "../../src/core/messages";

describe("the language of the page", () => {
  test.each([
    ["zh", ["en-US"], "zh"],
    [null, ["zh-TW", "en"], "zh"],
    [null, ["fr-FR", "zh-CN", "en"], "zh"],
    [null, ["en-GB", "zh"], "en"],
    [null, ["fr"], "en"],
    ["klingon", ["toString"], "en"],
  ])("chosen as %s in a browser of %s is %s", (remembered, browser, expected) => {
    expect(initialLanguage(remembered, browser)).toBe(expected);
  });

  describe("of a visit", () => {
    beforeEach(() => {
      vi.resetModules();
      localStorage.clear();
    });
    afterEach(() => vi.unstubAllGlobals());

    test("is kept for the next one, and told to the browser", async () => {
      const first = await import("../../src/core/language");
      expect(first.pageLanguage().get()).toBe("en");
      expect(document.documentElement.lang).toBe("en");
      first.chooseLanguage("zh");
      expect(document.documentElement.lang).toBe("zh-Hans");
      vi.resetModules();
      const next = await import("../../src/core/language");
      expect(next.pageLanguage().get()).toBe("zh");
    });

    test("can be chosen where nothing may be stored", async () => {
      const refuse = (): never => {
        throw new DOMException("no", "SecurityError");
      };
      vi.stubGlobal("localStorage", { getItem: refuse, setItem: refuse });
      const { chooseLanguage, pageLanguage } = await import("../../src/core/language");
      expect(pageLanguage().get()).toBe("en");
      chooseLanguage("zh");
      expect(pageLanguage().get()).toBe("zh");
    });
  });
});

type Phrase = (first: number | string, second: string) => string;

/** Every text of a translation, with its path. */
function texts(words: unknown, path = ""): [string, string][] {
  if (typeof words === "string") return [[path, words]];
  if (typeof words === "function") return path.endsWith("fromHost") ? [] : [[path, (words as Phrase)(20, "x")]];
  return Object.entries(words as object).flatMap(([key, value]) => texts(value, `${path}.${key}`));
}

describe("the Chinese words", () => {
  test("are Chinese, each of them", () => {
    const names = /https|localhost|Chrome|Edge|Firefox|Safari|TURN/g;
    for (const [path, text] of texts(CHINESE)) {
      expect(text.replaceAll(names, ""), path).toMatch(/[\u4e00-\u9fff]/);
      expect(text.replaceAll(names, ""), path).not.toMatch(/[A-Za-z]{2}/);
    }
    expect(texts(CHINESE).map(([path]) => path)).toEqual(texts(ENGLISH).map(([path]) => path));
  });

  test("say what the host says in English, where they know it", () => {
    const said = "Something that is needed is missing: a simpler stand-in takes over, and the conversation goes on.";
    expect(CHINESE.fromHost(said)).toBe("缺少所需的组件，已换用较简单的替代组件，对话继续。");
    expect(CHINESE.fromHost("Something else.")).toBeNull();
    expect(ENGLISH.fromHost("Something else.")).toBe("Something else.");
  });

  test("explain a failure, without the host's English", () => {
    const failure = new Failure("full", { message: "Closing for tonight.", retryAfterSeconds: 20 });
    expect(failure.title(CHINESE)).toBe("线路全忙。");
    expect(failure.hint(CHINESE)).toBe("请在 20 秒后重试。");
    expect(failure.hint(ENGLISH)).toBe("Closing for tonight.");
    expect(new Failure("too_many", { retryAfterSeconds: 300 }).hint(CHINESE)).toBe("请在 5 分钟后重试。");
  });
});

test("a message has the language that the host tells, and none where it tells none", () => {
  const asked = reduce(EMPTY, {
    type: "conversation.item.input_audio_transcription.completed",
    item_id: "u",
    transcript: "你好。",
    language: "zh",
  });
  const both = reduce(asked, { type: "response.output_audio_transcript.delta", item_id: "a", response_id: "r", delta: "Hi." });
  expect(both.messages.map(({ language }) => language)).toEqual(["zh", undefined]);
  expect(Object.keys(LANGUAGES)).toEqual(["en", "zh"]);
});
