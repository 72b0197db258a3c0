// The pages of a bbolt file (etcd's database), to bytes and back; after bbolt's internal/common/{page,meta,bucket}.go. Little endian.
//
//   page     | id u64 | flags u16 | count u16 | overflow u32 |  elements …  | keys and values … |      page 0 and 1: meta
//   leaf     | flags u32 | position u32 | key length u32 | value length u32 |      position counts from the element's own start;
//   branch   | position u32 | key length u32 | page u64 |                        flags 1: the value is a bucket
//   bucket   | root page u64 | sequence u64 | inline page, when root is 0 |
//   meta     | magic u32 | version u32 | page size u32 | flags u32 | root u64 | sequence u64 | freelist u64 | pages u64 |
//            | transaction u64 | FNV-1a of all before |
import { StoreError } from "../../errors.ts";

export const pageBytes = 4096;
export const pageHeadBytes = 16;
export const elementBytes = 16;
export const flags = { branch: 0x01, leaf: 0x02, meta: 0x04, freelist: 0x10 } as const;
export const bucketFlag = 1;
const magic = 0xed0cdaed;
const version = 2;

export interface Meta {
  readonly pageBytes: number;
  readonly root: number;
  readonly pages: number;
  readonly transaction: bigint;
}

export interface PageHead {
  readonly id: number;
  readonly flags: number;
  readonly count: number;
  /** Pages that follow and belong to this one. */
  readonly overflow: number;
}

export interface Element {
  readonly flags: number;
  readonly key: Buffer;
  readonly value: Buffer;
}

export function encodeMeta(id: number, meta: Meta, freelist: number): Buffer {
  const page = Buffer.alloc(meta.pageBytes);
  writeHead(page, { id, flags: flags.meta, count: 0, overflow: 0 });
  const body = page.subarray(pageHeadBytes);
  body.writeUInt32LE(magic, 0);
  body.writeUInt32LE(version, 4);
  body.writeUInt32LE(meta.pageBytes, 8);
  body.writeBigUInt64LE(BigInt(meta.root), 16);
  body.writeBigUInt64LE(BigInt(freelist), 32);
  body.writeBigUInt64LE(BigInt(meta.pages), 40);
  body.writeBigUInt64LE(meta.transaction, 48);
  body.writeBigUInt64LE(fnv1a(body.subarray(0, 56)), 56);
  return page;
}

/** The meta page at the start of `page`, or why it is none. */
export function decodeMeta(page: Buffer): Meta | string {
  const body = page.subarray(pageHeadBytes);
  if (body.length < 64) return "the file is too short";
  if (body.readUInt32LE(0) !== magic) return "not a bbolt database";
  if (body.readUInt32LE(4) !== version) return `expected version ${version}, found ${body.readUInt32LE(4)}`;
  if (body.readBigUInt64LE(56) !== fnv1a(body.subarray(0, 56))) return "its checksum is wrong";
  return {
    pageBytes: body.readUInt32LE(8),
    root: Number(body.readBigUInt64LE(16)),
    pages: Number(body.readBigUInt64LE(40)),
    transaction: body.readBigUInt64LE(48),
  };
}

/** One page (with its overflow pages) of a leaf. */
export function encodeLeaf(id: number, elements: readonly Element[]): Buffer {
  const page = sized(leafBytes(elements));
  writeHead(page, { id, flags: flags.leaf, count: elements.length, overflow: page.length / pageBytes - 1 });
  let data = pageHeadBytes + elements.length * elementBytes;
  for (const [position, { flags: own, key, value }] of elements.entries()) {
    const at = pageHeadBytes + position * elementBytes;
    page.writeUInt32LE(own, at);
    page.writeUInt32LE(data - at, at + 4);
    page.writeUInt32LE(key.length, at + 8);
    page.writeUInt32LE(value.length, at + 12);
    page.set(key, data);
    page.set(value, data + key.length);
    data += key.length + value.length;
  }
  return page;
}

export function encodeBranch(id: number, children: readonly { readonly key: Buffer; readonly page: number }[]): Buffer {
  const page = sized(pageHeadBytes + children.reduce((sum, { key }) => sum + elementBytes + key.length, 0));
  writeHead(page, { id, flags: flags.branch, count: children.length, overflow: page.length / pageBytes - 1 });
  let data = pageHeadBytes + children.length * elementBytes;
  for (const [position, child] of children.entries()) {
    const at = pageHeadBytes + position * elementBytes;
    page.writeUInt32LE(data - at, at);
    page.writeUInt32LE(child.key.length, at + 4);
    page.writeBigUInt64LE(BigInt(child.page), at + 8);
    page.set(child.key, data);
    data += child.key.length;
  }
  return page;
}

export function encodeFreelist(id: number): Buffer {
  const page = Buffer.alloc(pageBytes);
  writeHead(page, { id, flags: flags.freelist, count: 0, overflow: 0 });
  return page;
}

export function encodeBucket(root: number): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeBigUInt64LE(BigInt(root), 0);
  return bytes;
}

export function decodeHead(page: Buffer): PageHead {
  return {
    id: Number(page.readBigUInt64LE(0)),
    flags: page.readUInt16LE(8),
    count: page.readUInt16LE(10),
    overflow: page.readUInt32LE(12),
  };
}

/** `where` says which page this is, for the error. */
export function decodeLeaf(page: Buffer, where: string): readonly Element[] {
  return Array.from({ length: decodeHead(page).count }, (_, position) => {
    const at = pageHeadBytes + position * elementBytes;
    const [own, start, keyLength, valueLength] = [0, 4, 8, 12].map((offset) => readU32(page, at + offset, where));
    const from = at + (start ?? 0);
    const middle = from + (keyLength ?? 0);
    const end = middle + (valueLength ?? 0);
    if (end > page.length)
      throw new StoreError("snapshot-damaged", `${where}: element ${position} ends behind its page`);
    return { flags: own ?? 0, key: page.subarray(from, middle), value: page.subarray(middle, end) };
  });
}

export function decodeBranch(page: Buffer, where: string): readonly number[] {
  return Array.from({ length: decodeHead(page).count }, (_, position) => {
    const at = pageHeadBytes + position * elementBytes;
    if (at + elementBytes > page.length)
      throw new StoreError("snapshot-damaged", `${where}: element ${position} ends behind its page`);
    return Number(page.readBigUInt64LE(at + 8));
  });
}

export function leafBytes(elements: readonly { readonly key: Buffer; readonly value: Buffer }[]): number {
  return elements.reduce((sum, { key, value }) => sum + elementBytes + key.length + value.length, pageHeadBytes);
}

function readU32(page: Buffer, at: number, where: string): number {
  if (at + 4 > page.length) throw new StoreError("snapshot-damaged", `${where}: its elements end behind the page`);
  return page.readUInt32LE(at);
}

function sized(bytes: number): Buffer {
  return Buffer.alloc(Math.ceil(bytes / pageBytes) * pageBytes);
}

function writeHead(page: Buffer, head: PageHead): void {
  page.writeBigUInt64LE(BigInt(head.id), 0);
  page.writeUInt16LE(head.flags, 8);
  page.writeUInt16LE(head.count, 10);
  page.writeUInt32LE(head.overflow, 12);
}

function fnv1a(bytes: Uint8Array): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash;
}
