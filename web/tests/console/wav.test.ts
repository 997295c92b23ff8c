import { describe, expect, test } from "vitest";

import { Wav } from "../../src/console/timeline/wav";
import { wavFile } from "./samples";

describe("a WAV file", () => {
  test("gives any stretch of its sound", () => {
    const wav = Wav.read(wavFile([0, 8_192, 16_384, -32_768]));
    expect([wav.rate, wav.duration]).toEqual([4, 1]);
    expect([...wav.slice(0.25, 0.75)]).toEqual([0.25, 0.5]);
    expect([...wav.slice(0.75, 9)]).toEqual([-1]);
    expect(wav.slice(2, 3)).toHaveLength(0);
  });

  test("with two channels gives the first", () => {
    const wav = Wav.read(wavFile([16_384, 0, -16_384, 0], { channels: 2 }));
    expect([wav.duration, ...wav.slice(0, 1)]).toEqual([0.5, 0.5, -0.5]);
  });

  test("that is still being written has the sound that is there", () => {
    expect(Wav.read(wavFile([1, 2], { claimed: 0xffff_ffff })).duration).toBe(0.5);
  });

  test.each([
    ["no file", new ArrayBuffer(4)],
    ["another file", new ArrayBuffer(64)],
    ["samples of 8 bits", wavFile([1], { bits: 8 })],
    ["no sound", wavFile([]).slice(0, 48)],
  ])("that is %s is refused", (_, buffer) => expect(() => Wav.read(buffer)).toThrow(RangeError));
});
