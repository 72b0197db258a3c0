// Keys inside this package are latin1 strings: one character per byte, so that `<` orders them as their bytes are ordered
// and a Map finds them. Outside they are bytes.

export type Key = string;

export function keyOf(bytes: Uint8Array): Key {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

export function bytesOf(key: Key): Buffer {
  return Buffer.from(key, "latin1");
}

/** Keys from `start` on, below `end`; without an `end`, all from `start` on. */
export interface KeyRange {
  readonly start: Key;
  readonly end: Key | undefined;
}

/** etcd's notation: no range end is the single key, a range end of one zero byte is everything from the key on. */
export function keyRange(key: Uint8Array, rangeEnd: Uint8Array | undefined): KeyRange {
  const start = keyOf(key);
  if (rangeEnd === undefined || rangeEnd.length === 0) return { start, end: `${start}\0` };
  if (rangeEnd.length === 1 && rangeEnd[0] === 0) return { start, end: undefined };
  return { start, end: keyOf(rangeEnd) };
}

export function isSingleKey(range: KeyRange): boolean {
  return range.end !== undefined && range.end.length === range.start.length + 1 && range.end === `${range.start}\0`;
}

export function inRange(range: KeyRange, key: Key): boolean {
  return key >= range.start && (range.end === undefined || key < range.end);
}
