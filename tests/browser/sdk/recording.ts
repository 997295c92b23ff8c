/** A sound as it arrives, and when: the latter tells afterwards at which moment a sample was there. */

const RATE = 48_000;

export interface Told {
  /** 16-bit samples, little endian, base64. */
  samples: string;
  rate: number;
  /** Where each block begins, in samples. */
  starts: number[];
  /** When it arrived, in milliseconds since 1970. */
  arrivals: number[];
}

export class Recording {
  private readonly blocks: Int16Array[] = [];
  private readonly starts: number[] = [];
  private readonly arrivals: number[] = [];
  private length = 0;

  add(block: Float32Array): void {
    this.starts.push(this.length);
    this.arrivals.push(performance.timeOrigin + performance.now());
    this.blocks.push(Int16Array.from(block, (sample) => Math.max(-1, Math.min(1, sample)) * 32_767));
    this.length += block.length;
  }

  tell(): Told {
    const samples = new Int16Array(this.length);
    this.blocks.forEach((block, index) => samples.set(block, this.starts[index]));
    return { samples: base64(new Uint8Array(samples.buffer)), rate: RATE, starts: this.starts, arrivals: this.arrivals };
  }
}

function base64(bytes: Uint8Array): string {
  let text = "";
  for (let start = 0; start < bytes.length; start += 32_768) {
    text += String.fromCharCode(...bytes.subarray(start, start + 32_768));
  }
  return btoa(text);
}
