import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkBackend } from "@coxswain/mvcc/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openLevelBackend } from "./level-backend.ts";
import type { StoreBackend } from "./level-backend.ts";

const bytes = (text: string): Buffer => Buffer.from(text);

describe("the level backend", () => {
  let directory: string;
  let open: StoreBackend[];
  const start = async (name: string = "backend"): Promise<StoreBackend> => {
    const backend = await openLevelBackend(join(directory, name));
    open.push(backend);
    return backend;
  };
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "backend-"));
    open = [];
  });
  afterEach(async () => {
    for (const backend of open) await backend.close();
    await rm(directory, { recursive: true });
  });

  it("keeps mvcc's contract", async () => {
    await checkBackend(() => start());
  });

  it("shows the same whether a write is pending, flushed or synced", async () => {
    const backend = await start();
    const seen = async (): Promise<string[]> =>
      (await backend.scan("key", bytes(""), 10)).map(({ key, value }) => `${key.toString()}=${value.toString()}`);
    for (const key of ["a", "b", "c"]) backend.put("key", bytes(key), bytes("1"));
    await backend.flush();
    backend.put("key", bytes("b"), bytes("2"));
    backend.delete("key", bytes("c"));
    backend.put("key", bytes("d"), bytes("3"));
    expect(await seen()).toEqual(["a=1", "b=2", "d=3"]);
    const flushing = backend.flush();
    backend.put("key", bytes("e"), bytes("4"));
    expect(backend.get("key", bytes("b"))?.toString()).toBe("2");
    expect(backend.get("key", bytes("c"))).toBeUndefined();
    await flushing;
    expect(await seen()).toEqual(["a=1", "b=2", "d=3", "e=4"]);
  });

  it("finds everything after it was closed and opened again", async () => {
    const backend = await start();
    backend.putOwn("applied", bytes("7"));
    backend.put("lease", bytes("l"), bytes("x"));
    await backend.close();
    open = [];
    const again = await start();
    expect([again.getOwn("applied")?.toString(), again.get("lease", bytes("l"))?.toString()]).toEqual(["7", "x"]);
  });

  it("copies what it held at that moment, and another takes the copy in place of its own", async () => {
    const [one, two] = [await start("one"), await start("two")];
    one.put("key", bytes("a"), bytes("1"));
    one.putOwn("applied", bytes("5"));
    const copy = await one.copy();
    one.put("key", bytes("a"), bytes("later"));
    await one.flush();
    two.put("key", bytes("old"), bytes("x"));
    await two.replace(copy);
    expect([
      two.get("key", bytes("a"))?.toString(),
      two.get("key", bytes("old")),
      two.getOwn("applied")?.toString(),
    ]).toEqual(["1", undefined, "5"]);
  });

  it("refuses a directory that is in use", async () => {
    await start();
    await expect(openLevelBackend(join(directory, "backend"))).rejects.toMatchObject({ code: "data-dir-in-use" });
  });
});
