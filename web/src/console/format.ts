/** Numbers as an operator reads them. */

/** A duration in milliseconds: `840 ms`, `1.78 s`, `12.4 s`, `3 min 20 s`, `2 h 5 min`. */
export function duration(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 9_995) return `${(ms / 1_000).toFixed(2)} s`;
  if (ms < 59_950) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 3_600) return pair(seconds, 60, "min", 1, "s");
  if (seconds < 86_400) return pair(seconds, 3_600, "h", 60, "min");
  return pair(seconds, 86_400, "d", 3_600, "h");
}

/** The same in whole seconds, for what changes each second. */
export function roughly(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  return seconds < 60 ? `${seconds} s` : duration(seconds * 1_000);
}

function pair(seconds: number, large: number, largeUnit: string, small: number, smallUnit: string): string {
  const rest = Math.floor((seconds % large) / small);
  return `${Math.floor(seconds / large)} ${largeUnit}${rest ? ` ${rest} ${smallUnit}` : ""}`;
}

/** A moment of a session: `0:04`, `12:07.35`, `1:02:09`; `digits` after the point of the second. */
export function moment(ms: number, digits = 0): string {
  const scale = 10 ** digits;
  const ticks = Math.round((Math.max(0, ms) / 1_000) * scale);
  const seconds = Math.floor(ticks / scale);
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor((seconds % 3_600) / 60)];
  const fraction = digits ? `.${String(ticks % scale).padStart(digits, "0")}` : "";
  const tail = `${String(seconds % 60).padStart(2, "0")}${fraction}`;
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${tail}` : `${minutes}:${tail}`;
}

/** An id of 32 digits by its beginning, which tells apart the sessions of a host. */
export function shortId(id: string): string {
  return id.length > 16 ? `${id.slice(0, 12)}…` : id;
}

/** A share of 0 to 1: `62 %`, `0.4 %`. */
export function percent(share: number): string {
  const value = share * 100;
  const digits = value !== 0 && value < 9.95 && value % 1 !== 0 ? 1 : 0;
  return `${value.toFixed(digits)} %`;
}

/** A measured value with at most three digits that count. */
export function figure(value: number): string {
  return String(Number(value.toPrecision(3)));
}

/** The clock of the reader: `31 May, 14:05:09`. */
export function clock(seconds: number, locale: string): string {
  const form = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
  return new Date(seconds * 1_000).toLocaleString(locale, form as Intl.DateTimeFormatOptions);
}

/** The middle value; null without any. */
export function median(values: readonly number[]): number | null {
  if (!values.length) return null;
  const ordered = values.toSorted((a, b) => a - b);
  const middle = Math.floor(ordered.length / 2);
  const [above = 0, below = 0] = [ordered[middle], ordered[middle - 1]];
  return ordered.length % 2 ? above : (above + below) / 2;
}
