// SPDY/3 header blocks: name-value pairs, compressed with one zlib state per direction for the life of a connection. Blocks must
// therefore go through in order, one at a time; the connection sees to that.
import { Buffer } from "node:buffer";
import { constants, createDeflate, createInflate, type Deflate, type Inflate } from "node:zlib";
import { dictionary } from "./dictionary.ts";

export type Headers = ReadonlyMap<string, string>;

/** More than any client sends; a bigger block is an attack. */
const largestBlockBytes = 16 * 1024;

export class HeaderCodec {
  readonly #inflate: Inflate = createInflate({ dictionary, flush: constants.Z_SYNC_FLUSH });
  readonly #deflate: Deflate = createDeflate({ dictionary, flush: constants.Z_SYNC_FLUSH });

  async decode(block: Buffer): Promise<Headers> {
    if (block.length > largestBlockBytes)
      throw new Error(`a header block of ${block.length} bytes is larger than ${largestBlockBytes}`);
    return parsePairs(await through(this.#inflate, block));
  }

  encode(headers: Headers): Promise<Buffer> {
    return through(this.#deflate, formatPairs(headers));
  }

  close(): void {
    this.#inflate.destroy();
    this.#deflate.destroy();
  }
}

/** Writes and takes out what comes of it. The state stays in the stream. */
function through(stream: Inflate | Deflate, input: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    stream.once("error", reject);
    stream.write(input, (error) => {
      stream.off("error", reject);
      if (error) reject(error);
      else resolve((stream.read() as Buffer | null) ?? Buffer.alloc(0));
    });
  });
}

function parsePairs(bytes: Buffer): Headers {
  const headers = new Map<string, string>();
  let at = 4;
  const text = (): string => {
    const end = at + 4 + bytes.readUInt32BE(at);
    if (end > bytes.length) throw new RangeError(`a header of ${end - at} bytes in a block of ${bytes.length}`);
    const value = bytes.toString("utf8", at + 4, end);
    at = end;
    return value;
  };
  for (let left = bytes.readUInt32BE(0); left > 0; left--) headers.set(text().toLowerCase(), text());
  return headers;
}

function formatPairs(headers: Headers): Buffer {
  const parts: Buffer[] = [number(headers.size)];
  for (const text of [...headers].flat()) {
    const bytes = Buffer.from(text);
    parts.push(number(bytes.length), bytes);
  }
  return Buffer.concat(parts);
}

function number(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32BE(value);
  return buffer;
}
