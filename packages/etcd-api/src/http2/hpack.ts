// Header compression (RFC 7541). Decoding is whole: static and dynamic table, Huffman. Encoding is plain on purpose: static
// names and literals that leave no trace in the other side's table, so that a block is made once and sent many times.
import { ConnectionError, errorCodes } from "./frame.ts";
import { decodeHuffman } from "./huffman.ts";

/** Under this key all headers stand as they came, where a name came more than once. */
export const repeatedHeaders: unique symbol = Symbol("repeated headers");

/** Names in lower case; several values of one name are joined by a comma. */
export interface Headers {
  readonly [name: string]: string | undefined;
  readonly [repeatedHeaders]?: readonly (readonly [name: string, value: string])[];
}

/** RFC 7541, appendix A; index 1 comes first. A name without a value stands for itself. */
const staticTable: readonly (readonly [name: string, value: string])[] = (
  ":authority|:method GET|:method POST|:path /|:path /index.html|:scheme http|:scheme https|:status 200|:status 204|" +
  ":status 206|:status 304|:status 400|:status 404|:status 500|accept-charset|accept-encoding gzip, deflate|" +
  "accept-language|accept-ranges|accept|access-control-allow-origin|age|allow|authorization|cache-control|" +
  "content-disposition|content-encoding|content-language|content-length|content-location|content-range|content-type|" +
  "cookie|date|etag|expect|expires|from|host|if-match|if-modified-since|if-none-match|if-range|if-unmodified-since|" +
  "last-modified|link|location|max-forwards|proxy-authenticate|proxy-authorization|range|referer|refresh|retry-after|" +
  "server|set-cookie|strict-transport-security|transfer-encoding|user-agent|vary|via|www-authenticate"
)
  .split("|")
  .map((line) => {
    const space = line.indexOf(" ");
    return space < 0 ? [line, ""] : [line.slice(0, space), line.slice(space + 1)];
  });
const staticNames = new Map<string, number>();
const staticPairs = new Map<string, number>();
for (const [position, [name, value]] of staticTable.entries()) {
  if (!staticNames.has(name)) staticNames.set(name, position + 1);
  if (value !== "") staticPairs.set(`${name}\0${value}`, position + 1);
}

const tableBytes = 4096;
const entryOverheadBytes = 32;
/** Decoded, more than this is nothing a client of ours sends. */
const maxListBytes = 256 * 1024;
const maxCachedBlocks = 32;

/** One direction of one connection. */
export class HeaderDecoder {
  /** Newest first. */
  #dynamic: (readonly [name: string, value: string])[] = [];
  #dynamicBytes = 0;
  #limitBytes = tableBytes;
  /** Blocks that neither used nor changed the dynamic table mean the same each time. */
  readonly #cached = new Map<string, Headers>();
  #pure = true;

  decode(block: Buffer): Headers {
    const text = block.length <= 512 ? block.toString("latin1") : undefined;
    const known = text === undefined ? undefined : this.#cached.get(text);
    if (known !== undefined) return known;
    this.#pure = true;
    const headers = this.#read(block);
    if (this.#pure && text !== undefined && this.#cached.size < maxCachedBlocks) this.#cached.set(text, headers);
    return headers;
  }

  #read(block: Buffer): Headers {
    const headers = Object.create(null) as Record<string, string> & {
      [repeatedHeaders]?: (readonly [name: string, value: string])[];
    };
    const reader = new BlockReader(block);
    let listBytes = 0;
    let all: (readonly [name: string, value: string])[] | undefined;
    const add = (name: string, value: string): void => {
      listBytes += name.length + value.length + entryOverheadBytes;
      if (listBytes > maxListBytes) throw new ConnectionError(errorCodes.enhanceYourCalm, "too many header bytes");
      const before = headers[name];
      if (before !== undefined && all === undefined) headers[repeatedHeaders] = all = Object.entries(headers);
      all?.push([name, value]);
      headers[name] = before === undefined ? value : `${before}${name === "cookie" ? "; " : ", "}${value}`;
    };
    while (reader.at < block.length) {
      const first = block[reader.at] as number;
      if (first & 0x80) {
        const [name, value] = this.#entry(reader.integer(7));
        add(name, value);
      } else if (first & 0x40) {
        const index = reader.integer(6);
        const name = index === 0 ? reader.text() : this.#entry(index)[0];
        const value = reader.text();
        this.#insert(name, value);
        add(name, value);
      } else if (first & 0x20) {
        this.#resize(reader.integer(5));
      } else {
        const index = reader.integer(4);
        const name = index === 0 ? reader.text() : this.#entry(index)[0];
        add(name, reader.text());
      }
    }
    return headers;
  }

  #entry(index: number): readonly [name: string, value: string] {
    if (index > staticTable.length) this.#pure = false;
    const entry = index <= staticTable.length ? staticTable[index - 1] : this.#dynamic[index - staticTable.length - 1];
    if (entry === undefined) throw new ConnectionError(errorCodes.compressionError, `no header with index ${index}`);
    return entry;
  }

  #insert(name: string, value: string): void {
    this.#pure = false;
    this.#dynamicBytes += name.length + value.length + entryOverheadBytes;
    this.#dynamic.unshift([name, value]);
    this.#evict();
  }

  #resize(limitBytes: number): void {
    this.#pure = false;
    if (limitBytes > tableBytes)
      throw new ConnectionError(errorCodes.compressionError, "a header table over its limit");
    this.#limitBytes = limitBytes;
    this.#evict();
  }

  #evict(): void {
    while (this.#dynamicBytes > this.#limitBytes) {
      const oldest = this.#dynamic.pop();
      if (oldest === undefined) break;
      this.#dynamicBytes -= oldest[0].length + oldest[1].length + entryOverheadBytes;
    }
  }
}

class BlockReader {
  readonly #block: Buffer;
  at = 0;

  constructor(block: Buffer) {
    this.#block = block;
  }

  integer(prefixBits: number): number {
    const mask = 2 ** prefixBits - 1;
    let value = this.#byte() & mask;
    if (value < mask) return value;
    for (let scale = 1; scale <= 2 ** 28; scale *= 128) {
      const byte = this.#byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    throw new ConnectionError(errorCodes.compressionError, "an integer that does not end");
  }

  text(): string {
    const huffman = ((this.#block[this.at] ?? 0) & 0x80) !== 0;
    const length = this.integer(7);
    const from = this.at;
    this.at += length;
    if (this.at > this.#block.length) throw new ConnectionError(errorCodes.compressionError, "text beyond its block");
    if (!huffman) return this.#block.toString("latin1", from, this.at);
    const text = decodeHuffman(this.#block, from, this.at);
    if (text === undefined) throw new ConnectionError(errorCodes.compressionError, "text that is not Huffman-coded");
    return text;
  }

  #byte(): number {
    const byte = this.#block[this.at++];
    if (byte === undefined) throw new ConnectionError(errorCodes.compressionError, "a header block ends too early");
    return byte;
  }
}

/** Blocks are written here before they are cut out. */
let scratch = Buffer.allocUnsafeSlow(4096);

/** A block for these headers, the same for every connection and call. Several values of a name are headers of their own. */
export function encodeHeaders(
  headers: Readonly<Record<string, string | number | readonly string[] | undefined>>,
): Buffer {
  let at = 0;
  for (const name in headers) {
    const given = headers[name];
    if (given === undefined) continue;
    if (typeof given === "object") for (const value of given) at = writeHeader(at, name, value);
    else at = writeHeader(at, name, String(given));
  }
  return Buffer.from(scratch.subarray(0, at));
}

function writeHeader(from: number, name: string, value: string): number {
  const room = from + name.length + value.length + mostHeaderOverheadBytes;
  if (room > scratch.length) scratch = Buffer.concat([scratch], room * 2);
  const whole = staticPairs.get(`${name}\0${value}`);
  if (whole !== undefined) return writeInteger(from, whole, 7, 0x80);
  const known = staticNames.get(name);
  if (known !== undefined) return writeText(writeInteger(from, known, 4, 0), value);
  return writeText(writeText(writeInteger(from, 0, 4, 0), name), value);
}

/** Three integers of at most five bytes each. */
const mostHeaderOverheadBytes = 15;

function writeText(from: number, text: string): number {
  const at = writeInteger(from, text.length, 7, 0);
  return at + scratch.write(text, at, "latin1");
}

function writeInteger(from: number, value: number, prefixBits: number, pattern: number): number {
  const mask = 2 ** prefixBits - 1;
  if (value < mask) {
    scratch[from] = pattern | value;
    return from + 1;
  }
  let at = from;
  scratch[at++] = pattern | mask;
  let rest = value - mask;
  for (; rest >= 128; rest = Math.floor(rest / 128)) scratch[at++] = (rest % 128) | 0x80;
  scratch[at++] = rest;
  return at;
}
