// Reads protobuf's wire format from one buffer, without copying: byte fields are views into it. Knows no message.
// 64-bit numbers come out as `number` (revisions, sizes, counts) or `bigint` (ids): the message table says which.

/** Bytes that are not the message they should be. */
export class WireError extends Error {
  override readonly name = "WireError";
}

const twoTo32 = 0x1_0000_0000;

export class WireReader {
  readonly #bytes: Buffer;
  readonly end: number;
  position: number;
  /** Low and high half of the varint read last. */
  #low = 0;
  #high = 0;

  constructor(bytes: Buffer, start = 0, end: number = bytes.length) {
    this.#bytes = bytes;
    this.position = start;
    this.end = end;
  }

  /** The next field's tag (number << 3 | wire type), or 0 at the end of the message. */
  tag(): number {
    if (this.position >= this.end) return 0;
    const tag = this.uint32();
    if (tag >>> 3 === 0) throw new WireError("illegal tag 0");
    return tag;
  }

  uint32(): number {
    const first = this.#bytes[this.position];
    if (first !== undefined && first < 0x80 && this.position < this.end) {
      this.position++;
      return first;
    }
    this.#varint();
    return this.#low >>> 0;
  }

  bool(): boolean {
    this.#varint();
    return this.#low !== 0 || this.#high !== 0;
  }

  /** A signed 64-bit integer that is known to fit 53 bits. */
  int64(): number {
    this.#varint();
    return (this.#high | 0) * twoTo32 + (this.#low >>> 0);
  }

  signedBigint(): bigint {
    return BigInt.asIntN(64, this.unsignedBigint());
  }

  unsignedBigint(): bigint {
    this.#varint();
    return this.#high === 0 ? BigInt(this.#low >>> 0) : (BigInt(this.#high >>> 0) << 32n) | BigInt(this.#low >>> 0);
  }

  bytes(): Buffer {
    const start = this.position + 0;
    const length = this.uint32();
    const from = this.position;
    if (from + length > this.end)
      throw new WireError(`field of ${length} bytes at ${start} runs past the message's end`);
    this.position = from + length;
    return this.#bytes.subarray(from, from + length);
  }

  string(): string {
    const length = this.uint32();
    const from = this.position;
    if (from + length > this.end) throw new WireError(`text of ${length} bytes runs past the message's end`);
    this.position = from + length;
    return this.#bytes.toString("utf8", from, from + length);
  }

  /** A reader over the next length-delimited field. */
  nested(): WireReader {
    const length = this.uint32();
    const from = this.position;
    if (from + length > this.end) throw new WireError(`message of ${length} bytes runs past its parent's end`);
    this.position = from + length;
    return new WireReader(this.#bytes, from, from + length);
  }

  /** Passes over a field this side does not know. */
  skip(tag: number): void {
    switch (tag & 7) {
      case 0:
        this.#varint();
        return;
      case 1:
        this.#advance(8);
        return;
      case 2:
        this.#advance(this.uint32());
        return;
      case 5:
        this.#advance(4);
        return;
      default:
        throw new WireError(`wire type ${tag & 7} is not known`);
    }
  }

  #advance(count: number): void {
    if (this.position + count > this.end) throw new WireError("unexpected EOF");
    this.position += count;
  }

  #varint(): void {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.position >= this.end) throw new WireError("unexpected EOF");
      const byte = this.#bytes[this.position++] as number;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high |= bits >>> 4;
      } else if (shift < 63) high |= bits << (shift - 32);
      else high |= (bits & 1) << 31;
      if (byte < 0x80) {
        this.#low = low;
        this.#high = high;
        return;
      }
    }
    throw new WireError("integer overflow");
  }
}
