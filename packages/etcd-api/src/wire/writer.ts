// Writes protobuf's wire format into one growing buffer. Fields that hold their default are not written; nested
// messages are written in place and their length put in front afterwards (one memmove when it takes more than a byte).
//
// Writers lend each other the buffers they write into: what is finished is copied out at its size. Buffers that grew and were thrown away
// were a third of what the store allocated, and V8, which counts bytes outside of its heap, too, marked the whole heap for them.

const twoTo32 = 0x1_0000_0000;
const firstBytes = 8192;
/** What is larger is handed out as it is: copying it would cost more. */
const mostCopiedBytes = 64 * 1024;
/** A message that is written while another one is takes a second. */
const mostSpare = 4;
const spare: Buffer[] = [];
const nothing = Buffer.alloc(0);

export class WireWriter {
  #bytes: Buffer;
  position: number;

  /** `reserved` bytes stay free in front, for a frame's header. */
  constructor(reserved = 0) {
    this.#bytes = spare.pop() ?? Buffer.allocUnsafeSlow(firstBytes);
    this.position = reserved;
    this.#ensure(0);
  }

  /** The bytes, which belong to the caller. Nothing may be written afterwards. */
  finish(): Buffer {
    const written = this.#bytes;
    this.#bytes = nothing;
    if (this.position > mostCopiedBytes) return written.subarray(0, this.position);
    const bytes = Buffer.allocUnsafe(this.position);
    written.copy(bytes, 0, 0, this.position);
    if (spare.length < mostSpare && written.length <= mostCopiedBytes) spare.push(written);
    return bytes;
  }

  bytesField(tag: number, value: Uint8Array | string): void {
    if (value.length === 0) return;
    this.presentBytesField(tag, value);
  }

  /** Written even when empty: repeated fields and members of a oneof. */
  presentBytesField(tag: number, value: Uint8Array | string): void {
    if (typeof value === "string") {
      const length = Buffer.byteLength(value);
      this.#ensure(length + 15);
      this.uint32(tag);
      this.uint32(length);
      this.#bytes.write(value, this.position, "utf8");
      this.position += length;
      return;
    }
    const length = value.length;
    this.#ensure(length + 15);
    this.uint32(tag);
    this.uint32(length);
    this.#bytes.set(value, this.position);
    this.position += length;
  }

  int64Field(tag: number, value: number): void {
    if (value === 0) return;
    this.presentInt64Field(tag, value);
  }

  presentInt64Field(tag: number, value: number): void {
    this.uint32(tag);
    this.int64(value);
  }

  bigintField(tag: number, value: bigint): void {
    if (value === 0n) return;
    this.presentBigintField(tag, value);
  }

  presentBigintField(tag: number, value: bigint): void {
    this.uint32(tag);
    const bits = BigInt.asUintN(64, value);
    this.#varint(Number(bits & 0xffff_ffffn), Number(bits >> 32n));
  }

  boolField(tag: number, value: boolean): void {
    if (!value) return;
    this.uint32(tag);
    this.uint32(1);
  }

  /** Bytes that are fields already. */
  encoded(fields: Uint8Array): void {
    this.#ensure(fields.length);
    this.#bytes.set(fields, this.position);
    this.position += fields.length;
  }

  /** Starts a nested message; pass what it returns to `endNested`. */
  beginNested(tag: number): number {
    this.uint32(tag);
    this.#ensure(1);
    return ++this.position;
  }

  endNested(start: number): void {
    const length = this.position - start;
    if (length < 0x80) {
      this.#bytes[start - 1] = length;
      return;
    }
    const extra = length < 0x4000 ? 1 : length < 0x20_0000 ? 2 : length < 0x1000_0000 ? 3 : 4;
    this.#ensure(extra);
    this.#bytes.copyWithin(start + extra, start, this.position);
    this.position = start - 1;
    this.uint32(length);
    this.position = start + extra + length;
  }

  int64(value: number): void {
    const high = Math.floor(value / twoTo32);
    if (high === 0) this.uint32(value);
    else this.#varint(value - high * twoTo32, high >>> 0);
  }

  uint32(value: number): void {
    if (value < 0x80 && this.position < this.#bytes.length) {
      this.#bytes[this.position++] = value;
      return;
    }
    this.#ensure(5);
    let rest = value;
    while (rest > 0x7f) {
      this.#bytes[this.position++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#bytes[this.position++] = rest;
  }

  #varint(low: number, high: number): void {
    this.#ensure(10);
    let lowRest = low >>> 0;
    let highRest = high >>> 0;
    while (highRest !== 0 || lowRest > 0x7f) {
      this.#bytes[this.position++] = (lowRest & 0x7f) | 0x80;
      lowRest = ((lowRest >>> 7) | (highRest << 25)) >>> 0;
      highRest >>>= 7;
    }
    this.#bytes[this.position++] = lowRest;
  }

  #ensure(count: number): void {
    const needed = this.position + count;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(grown, 0, 0, this.position);
    this.#bytes = grown;
  }
}
