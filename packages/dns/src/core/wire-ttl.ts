// Where the times to live stand in a DNS message, so that an answer can be kept as bytes and aged in place. Understands
// the frame of a message, not its records. Undefined for anything that does not parse.

export interface WireTimes {
  /** Offsets of the 32-bit TTL of each record, without the OPT pseudo record. */
  readonly offsets: readonly number[];
  /** The smallest of them, in seconds; for a negative answer that of the SOA record and its minimum. */
  readonly smallestTtl: number;
  /** Where the question section ends. */
  readonly questionEnd: number;
}

const optType = 41;
const soaType = 6;

export function wireTimes(message: Uint8Array): WireTimes | undefined {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  try {
    let at = 12;
    for (let i = view.getUint16(4); i > 0; i--) at = skipName(view, at) + 4;
    const questionEnd = at;
    const offsets: number[] = [];
    let smallestTtl = Infinity;
    for (let i = view.getUint16(6) + view.getUint16(8) + view.getUint16(10); i > 0; i--) {
      at = skipName(view, at);
      const type = view.getUint16(at);
      const length = view.getUint16(at + 8);
      if (type !== optType) {
        offsets.push(at + 4);
        smallestTtl = Math.min(smallestTtl, view.getUint32(at + 4));
        if (type === soaType) smallestTtl = Math.min(smallestTtl, view.getUint32(at + 10 + length - 4));
      }
      at += 10 + length;
    }
    return at <= message.length ? { offsets, smallestTtl, questionEnd } : undefined;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** A copy with every TTL lowered by this many seconds, not below 0. */
export function aged(message: Uint8Array, times: WireTimes, seconds: number): Uint8Array {
  const copy = Uint8Array.from(message);
  const view = new DataView(copy.buffer);
  for (const offset of times.offsets) view.setUint32(offset, Math.max(0, view.getUint32(offset) - seconds));
  return copy;
}

function skipName(view: DataView, start: number): number {
  let at = start;
  for (;;) {
    const length = view.getUint8(at);
    if (length === 0) return at + 1;
    if (length >= 0xc0) return at + 2;
    at += length + 1;
  }
}
