import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemDisk } from "../disk/system-disk.ts";
import { createSpool } from "./spool.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "spool-"));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

const membership = { voters: [1n], outgoing: [], learners: [], learnersNext: [], autoLeave: false };
const snapshot = (index: number) => ({ index, term: 1, membership, data: new Uint8Array(0) });

async function* pairs(text: string): AsyncGenerator<readonly [Uint8Array, Uint8Array]> {
  yield [Buffer.from("key"), Buffer.from(text)];
}

async function read(spool: ReturnType<typeof createSpool>, index: number): Promise<string[]> {
  const found: string[] = [];
  for await (const [key, value] of spool.open(snapshot(index)))
    found.push(`${Buffer.from(key).toString()}=${Buffer.from(value).toString()}`);
  return found;
}

describe("the spool of received copies", () => {
  it("keeps a copy that is not installed yet when the next one comes, and lets go of installed ones", async () => {
    const spool = createSpool(directory, systemDisk);
    await spool.receive(snapshot(10), pairs("ten"), 0);
    await spool.receive(snapshot(20), pairs("twenty"), 0);
    expect([await read(spool, 10), await read(spool, 20)]).toEqual([["key=ten"], ["key=twenty"]]);
    await spool.receive(snapshot(30), pairs("thirty"), 20);
    expect((await readdir(directory)).filter((name) => name.endsWith(".snapshot"))).toEqual([
      "000000000000001e-000003.snapshot",
    ]);
  });

  it("leaves nothing of a copy that was cut off", async () => {
    const spool = createSpool(directory, systemDisk);
    const cutOff = async function* (): AsyncGenerator<readonly [Uint8Array, Uint8Array]> {
      yield* pairs("half");
      throw new Error("the connection broke");
    };
    await expect(spool.receive(snapshot(10), cutOff(), 0)).rejects.toThrow("the connection broke");
    expect([await readdir(directory), await spool.newest()]).toEqual([[], undefined]);
  });

  it("finds the newest whole copy again after a restart", async () => {
    await createSpool(directory, systemDisk).receive(snapshot(10), pairs("ten"), 0);
    const spool = createSpool(directory, systemDisk);
    expect((await spool.newest())?.index).toBe(10);
    expect(await read(spool, 10)).toEqual(["key=ten"]);
  });
});
