// What the writer lays out, the reader finds again; what was changed on the way is found or refused, with the place. That bbolt itself
// reads these files, and we its, is tried with the real tools in src/restore/etcd.test.ts.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { DiskReader } from "../disk/disk.ts";
import { pageBytes } from "./page.ts";
import { openDatabase } from "./reader.ts";
import { layOutDatabase } from "./writer.ts";

type Content = Readonly<Record<string, readonly (readonly [string, string])[]>>;

async function write(content: Content): Promise<Buffer> {
  const file = await layOutDatabase(
    Object.entries(content).map(([name, pairs]) => ({
      name,
      async *pairs() {
        for (const [key, value] of pairs) yield [{ key: Buffer.from(key), value: Buffer.from(value) }];
      },
    })),
  );
  const pages: Buffer[] = [];
  for await (const page of file.pages()) pages.push(page);
  const bytes = Buffer.concat(pages);
  expect(bytes.length).toBe(file.sizeBytes);
  return bytes;
}

function readerOf(bytes: Buffer): DiskReader {
  return {
    sizeBytes: bytes.length,
    read: async (offset, length) => bytes.subarray(offset, offset + length),
    close: async () => undefined,
  };
}

async function read(bytes: Buffer): Promise<Content> {
  const database = await openDatabase(readerOf(bytes), "db");
  const content: Record<string, [string, string][]> = {};
  for (const name of database.buckets) {
    const pairs: [string, string][] = [];
    for await (const [key, value] of database.pairs(name)) pairs.push([key.toString(), value.toString()]);
    content[name] = pairs;
  }
  return content;
}

const pairs = (count: number, valueBytes: number): [string, string][] =>
  Array.from({ length: count }, (_, position) => [
    `key${position.toString().padStart(6, "0")}`,
    "v".repeat(valueBytes),
  ]);

describe("a bbolt file", () => {
  it("holds what was put into it, whatever the sizes", { timeout: 30_000 }, async () => {
    const bucket = fc
      .dictionary(fc.string({ minLength: 1, maxLength: 300, unit: "grapheme-ascii" }), fc.nat(9000), { maxKeys: 80 })
      .map((sizes) =>
        Object.entries(sizes)
          .map(([key, size]): [string, string] => [key, "x".repeat(size)])
          .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
      );
    await fc.assert(
      fc.asyncProperty(fc.record({ alarm: bucket, key: bucket, meta: bucket }), async (content) => {
        expect(await read(await write(content))).toEqual(content);
      }),
      { numRuns: 60 },
    );
  });

  it("has as many levels of branches as it takes, and empty buckets", async () => {
    const content = { key: pairs(30_000, 100), lease: [], zeta: pairs(1, 3 * pageBytes) };
    const bytes = await write(content);
    expect(bytes.length % pageBytes).toBe(0);
    expect(await read(bytes)).toEqual(content);
  });

  it("is read by its second meta page where the first is damaged, and refused where both are", async () => {
    const bytes = await write({ key: pairs(3, 10) });
    bytes[100] = 0;
    bytes.fill(0, 16, 60);
    expect(await read(bytes)).toEqual({ key: pairs(3, 10) });
    bytes.fill(0, pageBytes, 2 * pageBytes);
    await expect(read(bytes)).rejects.toThrow("db is damaged at offset 0: not a bbolt database");
  });

  it("is refused with the offset where a page is not what it should be", async () => {
    const whole = await write({ key: pairs(200, 100) });
    const swapped = Buffer.from(whole);
    swapped.writeBigUInt64LE(77n, 4 * pageBytes);
    await expect(read(swapped)).rejects.toThrow("db is damaged at offset 16384: expected page 4, found page 77");
    await expect(read(whole.subarray(0, 5 * pageBytes))).rejects.toThrow(/^db is damaged at offset \d+: the file ends/);
    const circular = Buffer.from(whole);
    const root = circular.length / pageBytes - 2;
    circular.writeBigUInt64LE(BigInt(root), root * pageBytes + 16 + 8);
    await expect(read(circular)).rejects.toThrow("the page is part of the tree twice");
  });
});
