/** Recorded sound: WAV files of 16-bit samples, read piece by piece. Decoded at once, an hour would take a gigabyte. */

export class Wav {
  private constructor(
    readonly rate: number,
    private readonly channels: number,
    private readonly samples: Int16Array,
  ) {}

  /** Raises a RangeError for anything else than a WAV file of 16-bit samples. */
  static read(buffer: ArrayBuffer): Wav {
    const view = new DataView(buffer);
    if (buffer.byteLength < 12 || tag(view, 0) !== "RIFF" || tag(view, 8) !== "WAVE") throw new RangeError("no WAV file");
    let format: { channels: number; rate: number } | null = null;
    for (let at = 12; at + 8 <= buffer.byteLength; ) {
      const [name, size] = [tag(view, at), view.getUint32(at + 4, true)];
      if (name === "fmt ") format = formatOf(view, at + 8);
      if (name === "data" && format) return new Wav(format.rate, format.channels, samplesOf(buffer, at + 8, size));
      at += 8 + size + (size % 2);
    }
    throw new RangeError("a WAV file without sound");
  }

  /** Seconds. */
  get duration(): number {
    return this.samples.length / this.channels / this.rate;
  }

  /** The first channel from one second to another, as an audio buffer holds it. */
  slice(from: number, to: number): Float32Array<ArrayBuffer> {
    const first = Math.round(from * this.rate);
    const count = Math.max(0, Math.min(Math.round(to * this.rate), this.samples.length / this.channels) - first);
    return Float32Array.from({ length: Math.floor(count) }, (_, n) => (this.samples[(first + n) * this.channels] ?? 0) / 32_768);
  }
}

function tag(view: DataView, at: number): string {
  return String.fromCharCode(...[0, 1, 2, 3].map((n) => view.getUint8(at + n)));
}

function formatOf(view: DataView, at: number): { channels: number; rate: number } {
  if (view.getUint16(at + 14, true) !== 16) throw new RangeError("samples of other than 16 bits");
  return { channels: Math.max(1, view.getUint16(at + 2, true)), rate: view.getUint32(at + 4, true) };
}

/** A file that is still being written, or was cut off, has less than its header says. */
function samplesOf(buffer: ArrayBuffer, at: number, size: number): Int16Array {
  const bytes = Math.min(size, buffer.byteLength - at);
  return new Int16Array(buffer.slice(at, at + bytes - (bytes % 2)));
}
