// Reads a bbolt database: the newest meta page that is whole, then the tree below it. It trusts nothing: each page must say the number
// under which it is found, lie within the file, and be visited once. bbolt has no checksums on data pages; a snapshot's SHA-256 covers them.
import { StoreError } from "../../errors.ts";
import type { DiskReader } from "../disk/disk.ts";
import { bucketFlag, decodeBranch, decodeHead, decodeLeaf, decodeMeta, flags, pageHeadBytes } from "./page.ts";
import type { Element, Meta } from "./page.ts";

export interface Database {
  /** Of the tree: what bbolt calls the size of the transaction. */
  readonly sizeBytes: number;
  /** The names of the top buckets, in order. */
  readonly buckets: readonly string[];
  /** Its pairs in the order of their keys; none where there is no such bucket. */
  pairs(bucket: string): AsyncIterable<readonly [Buffer, Buffer]>;
}

/** Reads through blocks of this size, so that neighbouring pages cost one read. */
const blockBytes = 256 * 1024;
const mostBlocks = 16;

export async function openDatabase(file: DiskReader, path: string): Promise<Database> {
  const source = blocks(file);
  const meta = await newestMeta(source, path);
  const pager = new Pager(source, path, meta);
  const roots = new Map<string, Buffer>();
  for await (const { flags: own, key, value } of pager.elements(meta.root)) {
    if ((own & bucketFlag) === 0)
      throw damaged(path, meta.root * meta.pageBytes, `${JSON.stringify(key.toString())} is not a bucket`);
    roots.set(key.toString(), value);
  }
  return {
    sizeBytes: meta.pages * meta.pageBytes,
    buckets: [...roots.keys()],
    async *pairs(bucket) {
      const value = roots.get(bucket);
      if (!value) return;
      const root = Number(value.readBigUInt64LE(0));
      const elements =
        root === 0 ? decodeLeaf(value.subarray(16), `${path}, inline bucket ${bucket}`) : pager.elements(root);
      for await (const { key, value: kept } of elements) yield [key, kept] as const;
    },
  };
}

async function newestMeta(source: ByteSource, path: string): Promise<Meta> {
  const first = decodeMeta(await source(0, 4096));
  const reason = typeof first === "string" ? first : "";
  // Where the first is damaged, the second stands behind one page of an unknown size.
  const sizes = typeof first === "string" ? [4096, 8192, 16_384, 32_768, 65_536] : [first.pageBytes];
  const seconds: Meta[] = [];
  for (const size of sizes) {
    const second = decodeMeta(await source(size, 4096));
    if (typeof second !== "string" && second.pageBytes === size) seconds.push(second);
  }
  const found = [...(typeof first === "string" ? [] : [first]), ...seconds].sort((a, b) =>
    a.transaction < b.transaction ? 1 : -1,
  )[0];
  if (!found) throw damaged(path, 0, reason);
  return found;
}

type ByteSource = (offset: number, length: number) => Promise<Buffer>;

class Pager {
  readonly #source: ByteSource;
  readonly #path: string;
  readonly #meta: Meta;

  constructor(source: ByteSource, path: string, meta: Meta) {
    this.#source = source;
    this.#path = path;
    this.#meta = meta;
  }

  /** The elements of all leaves below a page, in order. */
  async *elements(root: number): AsyncGenerator<Element> {
    const seen = new Set<number>();
    const stack = [root];
    for (let id = stack.pop(); id !== undefined; id = stack.pop()) {
      if (seen.has(id)) throw this.#damaged(id, "the page is part of the tree twice");
      seen.add(id);
      const page = await this.#page(id);
      const where = `${this.#path} at offset ${id * this.#meta.pageBytes}`;
      const { flags: kind } = decodeHead(page);
      if (kind === flags.branch) stack.push(...decodeBranch(page, where).toReversed());
      else if (kind === flags.leaf) yield* decodeLeaf(page, where);
      else throw this.#damaged(id, `expected a leaf or a branch, found a page with flags ${kind}`);
    }
  }

  async #page(id: number): Promise<Buffer> {
    const { pageBytes, pages } = this.#meta;
    if (id < 2 || id >= pages) throw this.#damaged(id, `expected a page of 2 to ${pages - 1}`);
    const first = await this.#source(id * pageBytes, pageBytes);
    if (first.length < pageHeadBytes) throw this.#damaged(id, "the file ends before this page");
    const head = decodeHead(first);
    if (head.id !== id) throw this.#damaged(id, `expected page ${id}, found page ${head.id}`);
    if (id + head.overflow >= pages) throw this.#damaged(id, "the page ends behind the file");
    if (head.overflow === 0) return first;
    const length = (1 + head.overflow) * pageBytes;
    const whole = await this.#source(id * pageBytes, length);
    if (whole.length < length) throw this.#damaged(id, "the file ends within this page");
    return whole;
  }

  #damaged(id: number, what: string): StoreError {
    return damaged(this.#path, id * this.#meta.pageBytes, what);
  }
}

function damaged(path: string, offset: number, what: string): StoreError {
  return new StoreError("snapshot-damaged", `${path} is damaged at offset ${offset}: ${what}`);
}

/** The last few blocks of a file are kept. */
function blocks(file: DiskReader): ByteSource {
  const kept = new Map<number, Buffer>();
  const block = async (number: number): Promise<Buffer> => {
    const known = kept.get(number);
    if (known) return known;
    const bytes = await file.read(number * blockBytes, blockBytes);
    if (kept.size >= mostBlocks) kept.delete(kept.keys().next().value ?? 0);
    kept.set(number, bytes);
    return bytes;
  };
  return async (offset, length) => {
    const parts: Buffer[] = [];
    for (let at = offset; at < offset + length;) {
      const number = Math.floor(at / blockBytes);
      const start = at - number * blockBytes;
      const part = (await block(number)).subarray(start, start + offset + length - at);
      if (part.length === 0) break;
      parts.push(part);
      at += part.length;
    }
    return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
  };
}
