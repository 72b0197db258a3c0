import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Entry } from "raft-ts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemDisk } from "../disk/system-disk.ts";
import { createWal, openWal } from "./wal.ts";
import type { Wal } from "./wal.ts";

const identity = { clusterId: 0xcdn, memberId: 0x1n };
const membership = { voters: [1n], outgoing: [], learners: [], learnersNext: [], autoLeave: false };
const start = { index: 1, term: 1, membership };
const smallSegment = 1024;

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "wal-"));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

function entry(index: number, term: number = 1, text: string = `value ${index}`): Entry {
  return { term, index, kind: "normal", data: Buffer.from(text) };
}

async function written(batches: readonly (readonly Entry[])[], segmentBytes: number = smallSegment): Promise<Wal> {
  const wal = await createWal(directory, identity, start, systemDisk, segmentBytes);
  for (const batch of batches) await wal.save({ term: 1, vote: 1n, commit: (batch[0]?.index ?? 1) - 1 }, batch);
  return wal;
}

async function recoveredTexts(): Promise<string[]> {
  const { wal, recovered } = await openWal(directory, systemDisk, smallSegment);
  await wal.close();
  return recovered.entries.map(({ index, term, data }) => `${term}/${index} ${Buffer.from(data).toString()}`);
}

async function newestSegment(): Promise<string> {
  return join(directory, (await readdir(directory)).sort().at(-1) ?? "");
}

describe("the write-ahead log", () => {
  it("gives back what was saved, over several segments", async () => {
    const batches = Array.from({ length: 60 }, (_, position) => [entry(position + 2)]);
    await (await written(batches)).close();
    expect((await readdir(directory)).length).toBeGreaterThan(2);
    const { wal, recovered } = await openWal(directory, systemDisk, smallSegment);
    await wal.close();
    expect(recovered).toMatchObject({
      identity,
      hardState: { term: 1, vote: 1n, commit: 60 },
      marker: start,
      repaired: undefined,
    });
    expect(recovered.entries.map((each) => each.index)).toEqual(batches.flat().map((each) => each.index));
  });

  it("makes durable what it reads back: a killed process may have left its last batch in the page cache alone", async () => {
    await (await written([[entry(2)], [entry(3)]])).close();
    const journal: string[] = [];
    const disk: typeof systemDisk = {
      ...systemDisk,
      open: async (path) => {
        const file = await systemDisk.open(path);
        return {
          write: (data, offset) => {
            journal.push(`write ${Buffer.from(data).includes("value 3") ? "the last batch" : "something"}`);
            return file.write(data, offset);
          },
          sync: () => {
            journal.push("sync");
            return file.sync();
          },
          close: () => file.close(),
        };
      },
      syncDirectory: (path) => {
        journal.push("sync the directory");
        return systemDisk.syncDirectory(path);
      },
    };
    const { wal } = await openWal(directory, disk, smallSegment);
    await wal.close();
    expect(journal).toEqual(["write the last batch", "sync", "sync the directory"]);
    expect(await recoveredTexts()).toEqual(["1/2 value 2", "1/3 value 3"]);
  });

  it("lets a later entry replace those from its index on", async () => {
    const wal = await written([[entry(2), entry(3), entry(4)], [entry(3, 2, "new")]]);
    await wal.close();
    expect(await recoveredTexts()).toEqual(["1/2 value 2", "2/3 new"]);
  });

  it("goes on after a restart and survives the next one", async () => {
    await (await written([[entry(2)]])).close();
    const { wal } = await openWal(directory, systemDisk, smallSegment);
    await wal.save(undefined, [entry(3)]);
    await wal.close();
    expect(await recoveredTexts()).toEqual(["1/2 value 2", "1/3 value 3"]);
  });

  it("releases segments that hold only what the backend has, and begins after the marker", async () => {
    const wal = await written(Array.from({ length: 60 }, (_, position) => [entry(position + 2)]));
    const before = (await readdir(directory)).length;
    await wal.mark({ index: 50, term: 1, membership });
    await wal.release(50);
    await wal.close();
    expect((await readdir(directory)).length).toBeLessThan(before);
    expect((await recoveredTexts())[0]).toBe("1/51 value 51");
  });

  it("forgets the entries of another history after a received snapshot", async () => {
    const wal = await written([[entry(2), entry(3), entry(4)]]);
    await wal.mark({ index: 3, term: 7, membership });
    await wal.save(undefined, [entry(4, 7, "other")]);
    await wal.close();
    expect(await recoveredTexts()).toEqual(["7/4 other"]);
  });

  it(
    "keeps every acknowledged batch and drops the unfinished one, wherever the last write was cut",
    { timeout: 60_000 },
    async () => {
      const wal = await written([[entry(2)], [entry(3)]], 512);
      const before = await readFile(await newestSegment());
      await wal.save({ term: 2, vote: 1n, commit: 3 }, [entry(4, 2), entry(5, 2)]);
      await wal.close();
      const file = await newestSegment();
      const after = await readFile(file);
      expect(after.length).toBe(before.length);
      const changed = Array.from(after.keys()).filter((offset) => after[offset] !== before[offset]);
      const [first = 0, last = 0] = [changed[0], changed.at(-1)];
      for (let cut = first; cut <= last + 1; cut++) {
        await writeFile(file, Buffer.concat([after.subarray(0, cut), before.subarray(cut)]));
        const expected =
          cut > last ? ["1/2 value 2", "1/3 value 3", "2/4 value 4", "2/5 value 5"] : ["1/2 value 2", "1/3 value 3"];
        expect(await recoveredTexts(), `cut at ${cut}`).toEqual(expected);
      }
    },
  );

  it("also drops a batch whose pages reached the disk in another order", async () => {
    const wal = await written([[entry(2)]], 4096);
    const before = await readFile(await newestSegment());
    await wal.save(undefined, [entry(3, 1, "x".repeat(600)), entry(4, 1, "y".repeat(600))]);
    await wal.close();
    const file = await newestSegment();
    const after = await readFile(file);
    await writeFile(file, Buffer.concat([before.subarray(0, 512), after.subarray(512)]));
    expect(await recoveredTexts()).toEqual(["1/2 value 2"]);
    // What stood behind the end is zero now: it can never be read as the continuation of something else.
    const { wal: again } = await openWal(directory, systemDisk, smallSegment);
    await again.save(undefined, [entry(3, 1, "again")]);
    await again.close();
    expect(await recoveredTexts()).toEqual(["1/2 value 2", "1/3 again"]);
  });

  it("refuses to start when something that was synced is damaged, and says where", async () => {
    const wal = await written([[entry(2)], [entry(3)], [entry(4)]]);
    await wal.close();
    const file = await newestSegment();
    const bytes = await readFile(file);
    const place = bytes.indexOf("value 2");
    bytes[place] = (bytes[place] ?? 0) ^ 1;
    await writeFile(file, bytes);
    await expect(recoveredTexts()).rejects.toMatchObject({
      code: "wal-damaged",
      message: expect.stringContaining(file) as string,
    });
  });

  it("notices that the last segment is missing, but not that a crash cut the note that there is one", async () => {
    await (await written(Array.from({ length: 60 }, (_, position) => [entry(position + 2)]))).close();
    const names = (await readdir(directory)).sort();
    const [before = "", last = ""] = names.slice(-2).map((name) => join(directory, name));
    const bytes = await readFile(before);
    const end = bytes.findLastIndex((byte) => byte !== 0) + 1;
    const note = (Math.floor((end + 7) / 8) - 3) * 8;
    for (let cut = note; cut < end; cut++) {
      await writeFile(before, Buffer.concat([bytes.subarray(0, cut), Buffer.alloc(bytes.length - cut)]));
      expect((await recoveredTexts()).length).toBe(60);
    }
    await writeFile(before, bytes);
    await rm(last);
    await expect(recoveredTexts()).rejects.toThrow(`the segment after ${before} is missing`);
  });

  it("refuses to start when a segment in the middle is missing", async () => {
    await (await written(Array.from({ length: 60 }, (_, position) => [entry(position + 2)]))).close();
    const names = (await readdir(directory)).sort();
    await rm(join(directory, names[1] ?? ""));
    await expect(recoveredTexts()).rejects.toMatchObject({ code: "wal-damaged" });
  });
});
