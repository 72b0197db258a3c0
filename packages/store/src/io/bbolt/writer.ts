// Writes a bbolt database in one go, as a stream of pages, from buckets whose pairs come in the order of their keys. Two passes over the
// same pairs instead of a temporary file: the first counts pages (the meta page in front must know where the root will be, and a client
// wants to know how much is to come), the second encodes them. It makes whole, compact files; it does not change one.
//
//   meta 0 · meta 1 · freelist (empty) · for each bucket: leaves, then branches level by level · root: the buckets' names
import {
  bucketFlag,
  elementBytes,
  encodeBranch,
  encodeBucket,
  encodeFreelist,
  encodeLeaf,
  encodeMeta,
  leafBytes,
  pageBytes,
  pageHeadBytes,
} from "./page.ts";
import type { Element } from "./page.ts";

export interface Pair {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

export interface BucketSource {
  readonly name: string;
  /** Portions, in ascending order of keys, and the same each time. */
  pairs(): AsyncIterable<readonly Pair[]>;
}

export interface DatabaseFile {
  readonly sizeBytes: number;
  /** The whole file, in pieces of whole pages. */
  pages(): AsyncIterable<Buffer>;
}

/** The first page behind meta pages and freelist. */
const firstPage = 3;
const freelistPage = 2;

interface Child {
  readonly key: Buffer;
  readonly page: number;
}

interface BucketLayout {
  readonly source: BucketSource;
  readonly firstLeaf: number;
  readonly branches: readonly { readonly page: number; readonly children: readonly Child[] }[];
  readonly root: number;
}

export async function layOutDatabase(sources: readonly BucketSource[]): Promise<DatabaseFile> {
  const sorted = [...sources].sort((a, b) => (a.name < b.name ? -1 : 1));
  const buckets: BucketLayout[] = [];
  let next = firstPage;
  for (const source of sorted) {
    const laid = await layOutBucket(source, next);
    buckets.push(laid.bucket);
    next = laid.next;
  }
  const root = next;
  const rootLeaf = encodeLeaf(
    root,
    buckets.map((bucket) => ({
      flags: bucketFlag,
      key: Buffer.from(bucket.source.name),
      value: encodeBucket(bucket.root),
    })),
  );
  const pages = root + rootLeaf.length / pageBytes;
  return {
    sizeBytes: pages * pageBytes,
    async *pages() {
      for (const id of [0, 1]) yield encodeMeta(id, { pageBytes, root, pages, transaction: BigInt(id) }, freelistPage);
      yield encodeFreelist(freelistPage);
      for (const bucket of buckets) yield* bucketPages(bucket);
      yield rootLeaf;
    },
  };
}

async function layOutBucket(source: BucketSource, from: number): Promise<{ bucket: BucketLayout; next: number }> {
  let level: Child[] = [];
  let next = from;
  for await (const portion of leaves(source)) {
    for (const elements of portion) {
      // A copy of the key: the pair's own bytes may be part of something large.
      level.push({ key: Buffer.from(elements[0]?.key ?? []), page: next });
      next += pagesOf(leafBytes(elements));
    }
  }
  const branches: { page: number; children: Child[] }[] = [];
  while (level.length > 1) {
    const above: Child[] = [];
    for (const children of branchGroups(level)) {
      above.push({ key: children[0]?.key ?? Buffer.alloc(0), page: next });
      branches.push({ page: next, children });
      next += pagesOf(branchBytes(children));
    }
    level = above;
  }
  return { bucket: { source, firstLeaf: from, branches, root: level[0]?.page ?? from }, next };
}

async function* bucketPages(bucket: BucketLayout): AsyncGenerator<Buffer> {
  let next = bucket.firstLeaf;
  for await (const portion of leaves(bucket.source)) {
    const pages: Buffer[] = [];
    for (const elements of portion) {
      const page = encodeLeaf(next, elements);
      next += page.length / pageBytes;
      pages.push(page);
    }
    if (pages.length > 0) yield Buffer.concat(pages);
  }
  for (const { page, children } of bucket.branches) yield encodeBranch(page, children);
}

/** The elements of one leaf after the other, as many leaves at a time as a portion of the source fills; at least one, even when empty. */
async function* leaves(source: BucketSource): AsyncGenerator<readonly (readonly Element[])[]> {
  let elements: Element[] = [];
  let bytes = pageHeadBytes;
  for await (const pairs of source.pairs()) {
    const full: Element[][] = [];
    for (const { key, value } of pairs) {
      const added = elementBytes + key.length + value.length;
      if (elements.length > 0 && bytes + added > pageBytes) {
        full.push(elements);
        elements = [];
        bytes = pageHeadBytes;
      }
      elements.push({ flags: 0, key: asBuffer(key), value: asBuffer(value) });
      bytes += added;
    }
    yield full;
  }
  yield [elements];
}

function branchGroups(level: readonly Child[]): Child[][] {
  const groups: Child[][] = [];
  let group: Child[] = [];
  for (const child of level) {
    // Two children at least, however long their keys: else a level would not get shorter.
    if (group.length >= 2 && branchBytes([...group, child]) > pageBytes) {
      groups.push(group);
      group = [];
    }
    group.push(child);
  }
  return [...groups, group];
}

function branchBytes(children: readonly Child[]): number {
  return children.reduce((sum, { key }) => sum + elementBytes + key.length, pageHeadBytes);
}

function pagesOf(bytes: number): number {
  return Math.ceil(bytes / pageBytes);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
