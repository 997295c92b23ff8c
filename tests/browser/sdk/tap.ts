/** Runs in a worker, which a busy page does not hold up: records tracks, frame by frame, as they come. */

import { Recording, type Told } from "./recording";

export type Question = { name: string; frames: ReadableStream<AudioData> } | "tell";
export type Answer = Record<string, Told>;

const recordings = new Map<string, Recording>();

self.onmessage = ({ data }: MessageEvent<Question>) => {
  if (data === "tell") {
    self.postMessage(Object.fromEntries([...recordings].map(([name, recording]) => [name, recording.tell()])));
    return;
  }
  const recording = new Recording();
  recordings.set(data.name, recording);
  void record(data.frames.getReader(), recording);
};

async function record(reader: ReadableStreamDefaultReader<AudioData>, recording: Recording): Promise<void> {
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const block = new Float32Array(value.numberOfFrames);
    value.copyTo(block, { planeIndex: 0, format: "f32-planar" });
    recording.add(block);
    value.close();
  }
}
