import { readFileSync, readdirSync } from "node:fs";

import { describe, expect, test } from "vitest";

import { ARKIT_NAMES, AVATAR_VALUES, ProtocolError, decodeAvatarBatch } from "../../src/core/protocol";
import { parseServerEvent } from "../../src/core/realtime";
import { batchBytes } from "../fakes";

const WIRE = `${import.meta.dirname}/../../../tests/data/wire`;

interface Meant {
  rate: number;
  cause: number;
  timestamp: number;
  count: number;
  end: boolean;
  weights: number[][];
  pose: number[][];
}

const wire = (kind: string): string[] =>
  readdirSync(WIRE).flatMap((file) => (file.startsWith(kind) && file.endsWith(".bin") ? [file.slice(0, -4)] : []));

const bytesOf = (name: string): ArrayBuffer => Uint8Array.from(readFileSync(`${WIRE}/${name}.bin`)).buffer;

const meaning = (name: string): unknown => JSON.parse(readFileSync(`${WIRE}/${name}.json`, "utf8"));

describe("avatar batches", () => {
  test("are read as they were written, weights and pose", () => {
    const bytes = batchBytes({ cause: 7, rtp: 4_294_967_000, end: true, frames: [{ jawOpen: 1, headYaw: -0.5 }, {}] });
    const batch = decodeAvatarBatch(bytes);
    expect(batch).toMatchObject({ rate: 60, cause: 7, rtp: 4_294_967_000, end: true });
    expect(batch.values).toHaveLength(2 * AVATAR_VALUES);
    expect(batch.values[ARKIT_NAMES.indexOf("jawOpen")]).toBe(1);
    expect(batch.values[ARKIT_NAMES.length + 1]).toBeCloseTo(-0.5, 4);
  });

  test("have exactly these bytes", () => {
    const bytes = new Uint8Array(16 + 66);
    bytes.set([1, 60, 1, 0, 0x2a, 0, 0, 0, 0x40, 0x1f, 0, 0, 1, 0, 0, 0]);
    bytes[16] = 255; // the first weight: eyeBlinkLeft
    bytes.set([0xe8, 0x03], 16 + 52); // the first pose: head pitch 1,000 = 0.1 rad
    const batch = decodeAvatarBatch(bytes.buffer);
    expect(batch).toMatchObject({ rate: 60, cause: 42, rtp: 8_000, end: true });
    expect(batch.values[0]).toBe(1);
    expect(batch.values[52]).toBeCloseTo(0.1, 6);
  });

  // The host's tests read the same bytes.
  test.each(wire("avatar-"))("%s is read as the host means it", (name) => {
    const meant = meaning(name) as Meant;
    const batch = decodeAvatarBatch(bytesOf(name));
    expect(batch).toMatchObject({ rate: meant.rate, cause: meant.cause, rtp: meant.timestamp, end: meant.end });
    expect(batch.values).toHaveLength(meant.count * AVATAR_VALUES);
    const values = meant.weights.flatMap((weights, frame) => [...weights, ...(meant.pose[frame] ?? [])]);
    for (const [index, value] of values.entries()) expect(batch.values[index]).toBeCloseTo(value, 4);
  });

  test.each(wire("malformed-"))("%s is refused with the same words", (name) => {
    const { error } = meaning(name) as { error: string };
    expect(() => decodeAvatarBatch(bytesOf(name))).toThrow(new ProtocolError(error));
  });
});

describe("events", () => {
  test.each(["", "no json", "[1]", "null", '{"kind":1}', '{"type":1}'])("what is none is passed over: %s", (text) => {
    expect(parseServerEvent(text)).toBeNull();
  });

  test("are read", () => {
    expect(parseServerEvent('{"type":"vitagraph.flush","cause":3}')).toEqual({ type: "vitagraph.flush", cause: 3 });
  });
});
