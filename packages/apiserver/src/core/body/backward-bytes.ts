// Bytes of protobuf messages, written from their end to their beginning: a message's length is known when it is written before the message.
// It knows wire types, not schemas.
const shortestBytes = 64 * 1024;

export class BackwardBytes {
  #bytes = Buffer.allocUnsafeSlow(shortestBytes);
  #at = shortestBytes;

  /** How much has been written. */
  get length(): number {
    return this.#bytes.length - this.#at;
  }

  clear(): void {
    this.#at = this.#bytes.length;
  }

  /** All that was written, in memory of its own; then it is empty. */
  take(): Buffer {
    const taken = Buffer.allocUnsafeSlow(this.length);
    this.#bytes.copy(taken, 0, this.#at);
    this.clear();
    return taken;
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#at);
  }

  text(value: string): void {
    const length = Buffer.byteLength(value);
    this.#reserve(length);
    this.#bytes.write(value, this.#at, length);
  }

  double(value: number): void {
    this.#reserve(8);
    this.#bytes.writeDoubleLE(value, this.#at);
  }

  /** A number of 64 bits; negative ones in two's complement, as Go writes them. */
  varint(value: number | bigint): void {
    if (typeof value === "number" && value >= 0 && value < 0x80) {
      this.#reserve(1);
      this.#bytes[this.#at] = value;
      return;
    }
    const digits: number[] = [];
    if (typeof value === "number" && value >= 0 && value <= 0xffffffff) {
      let rest = value;
      for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) digits.push((rest & 0x7f) | 0x80);
      digits.push(rest);
    } else {
      let rest = BigInt.asUintN(64, BigInt(value));
      for (; rest >= 0x80n; rest >>= 7n) digits.push(Number(rest & 0x7fn) | 0x80);
      digits.push(Number(rest));
    }
    this.raw(Uint8Array.from(digits));
  }

  /** The head of a field whose value of varints has just been written. */
  numberHead(field: number): void {
    this.varint(field * 8);
  }

  /** The head of a field whose value of 8 bytes has just been written. */
  doubleHead(field: number): void {
    this.varint(field * 8 + 1);
  }

  /** The head of a field whose bytes are all that was written since `before`. */
  bytesHead(field: number, before: number): void {
    this.varint(this.length - before);
    this.varint(field * 8 + 2);
  }

  #reserve(count: number): void {
    if (count > this.#at) {
      const grown = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, this.length + count));
      const at = grown.length - this.length;
      this.#bytes.copy(grown, at, this.#at);
      this.#bytes = grown;
      this.#at = at;
    }
    this.#at -= count;
  }
}
