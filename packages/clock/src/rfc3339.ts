// The two time formats of the Kubernetes API: `Time` (whole seconds) and `MicroTime` (six decimals), always in UTC.

/** `metav1.Time`: "2026-11-21T04:05:06Z". Fractions of a second are cut off. */
export function rfc3339(ms: number): string {
  const second = Math.floor(ms / 1000);
  if (second !== last.second) last = { second, text: `${new Date(ms).toISOString().slice(0, 19)}Z` };
  return last.text;
}

/** What is written in one second asks for it again and again. */
let last = { second: Number.NaN, text: "" };

/** `metav1.MicroTime`: "2026-11-21T04:05:06.789000Z". */
export function rfc3339Micro(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 23)}000Z`;
}

/** Milliseconds since the epoch of an RFC 3339 time; `undefined` when the text is not one. */
export function parseRfc3339(text: string): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/.test(text)) return undefined;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}
