// Bits flipped and files cut everywhere in the directory of a stopped member: it starts with all that it ever acknowledged, or it refuses in
// one sentence that names the place. It never serves anything else.
import { cp, mkdtemp, readFile, readdir, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { systemClock, systemRandom } from "@coxswain/clock";
import { StartError } from "@coxswain/daemon";
import type { Entry } from "raft-ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { defaultConfig } from "../testing/default-config.ts";
import { encodeCommand } from "./core/command.ts";
import { openData } from "./data-dir.ts";
import type { OpenedData } from "./data-dir.ts";
import { StoreError } from "./errors.ts";
import { openLevelBackend } from "./io/backend/level-backend.ts";
import { systemDisk } from "./io/disk/system-disk.ts";
import { Machine } from "./state-machine.ts";

const entries = 40;
const appliedTo = 25;
const durableTo = 12;
const origin = { member: 0n, boot: 0, sequence: 0 };

const put = (index: number): Entry => ({
  term: 1,
  index,
  kind: "normal",
  data: encodeCommand(origin, {
    kind: "put",
    request: { key: Buffer.from(`key${index % 7}`), value: Buffer.from(`value ${index} ${"x".repeat(index * 5)}`) },
  }),
});

const open = (dataDir: string): Promise<OpenedData> =>
  openData(
    { ...defaultConfig({ name: "m1", "data-dir": dataDir }), walSegmentBytes: 4096 },
    {
      disk: systemDisk,
      random: systemRandom,
      clock: systemClock,
      openBackend: openLevelBackend,
      askCluster: () => Promise.reject(new Error("it is alone")),
    },
  );

const machineOf = (data: OpenedData): Promise<Machine> =>
  Machine.open(
    { minLeaseTtlSeconds: 1, entriesPerCheckpoint: 1e9, bytesPerCheckpoint: 1e9, tokenTtlMs: 0 },
    {
      backend: data.backend,
      clock: systemClock,
      leads: () => false,
      applyMembership: () => ({ refused: "not in this test" }),
      settle: () => undefined,
      onApplied: () => undefined,
      onTerm: () => undefined,
      onReplaced: () => undefined,
      openCopy: (snapshot) => data.spool.open(snapshot),
      die: (reason) => {
        throw new Error(reason);
      },
    },
  );

/** Everything that a member answers after it has started from this directory and applied its log. */
async function start(dataDir: string): Promise<unknown> {
  const data = await open(dataDir);
  try {
    const machine = await machineOf(data);
    const last = data.storage.lastIndex();
    for (let index = machine.appliedIndex + 1; index <= last; index++) {
      const [entry] = data.storage.entries(index, index + 1, Number.POSITIVE_INFINITY);
      if (typeof entry === "object") machine.apply(entry);
    }
    const { mvcc } = machine;
    const all = mvcc.range({ key: Buffer.from([0]), rangeEnd: Buffer.from([0]) });
    const hash = await mvcc.hash(0);
    return {
      last,
      revision: mvcc.revision,
      hash,
      kvs: "kvs" in all ? all.kvs.map(({ value }) => value.toString()) : [],
    };
  } finally {
    await data.wal.close();
    await data.backend.close();
  }
}

async function filesOf(directory: string): Promise<string[]> {
  const found = await readdir(directory, { recursive: true, withFileTypes: true });
  return found.filter((each) => each.isFile()).map((each) => relative(directory, join(each.parentPath, each.name)));
}

describe("a member's directory", { timeout: 120_000 }, () => {
  let root: string;
  let whole: string;
  let expected: unknown;
  let round = 0;

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "repair-"));
    whole = join(root, "whole");
    const data = await open(whole);
    const machine = await machineOf(data);
    for (let index = 2; index <= entries; index++) {
      await data.wal.save({ term: 1, vote: undefined, commit: index - 1 }, [put(index)]);
      if (index > appliedTo) continue;
      machine.apply(put(index));
      machine.applied();
      if (index !== durableTo) continue;
      await data.backend.sync();
      await data.wal.mark({ index, term: 1, membership: machine.membership });
      await data.wal.release(index);
    }
    await data.wal.close();
    await machine.close();
    expected = await start(await copy());
  });
  afterAll(() => rm(root, { recursive: true }));

  const copy = async (): Promise<string> => {
    const made = join(root, `copy${round++}`);
    await cp(whole, made, { recursive: true });
    return made;
  };
  const check = async (name: string, damage: (path: string) => Promise<void>, what: string): Promise<string> => {
    const made = await copy();
    try {
      await damage(join(made, name));
      const found = await start(made).catch((error: unknown) => {
        if (error instanceof StartError || error instanceof StoreError) return error;
        throw new Error(`${name}, ${what}: not one sentence: ${String(error)}`, { cause: error });
      });
      if (!(found instanceof Error)) {
        expect(found, `${name}, ${what}`).toEqual(expected);
        return "repaired";
      }
      expect(found.message, `${name}, ${what}`).toContain(made);
      return "refused";
    } finally {
      await rm(made, { recursive: true });
    }
  };

  it("starts as it was", async () => {
    expect(await start(await copy())).toEqual(expected);
    expect(expected).toMatchObject({ last: entries, revision: entries });
  });

  it("with a bit flipped anywhere is served right or not at all", async () => {
    const outcomes: Record<string, number> = { repaired: 0, refused: 0 };
    for (const name of await filesOf(whole)) {
      if (/LOG|LOCK/.test(name)) continue;
      const { size } = await stat(join(whole, name));
      // Every byte would take minutes: a prime stride comes by every kind of place.
      const stride = Math.max(1, Math.floor(size / 30) | 1);
      for (let offset = 0; offset < size; offset += stride) {
        const outcome = await check(
          name,
          async (path) => {
            const bytes = await readFile(path);
            bytes[offset] = (bytes[offset] ?? 0) ^ (1 << (offset % 8));
            await writeFile(path, bytes);
          },
          `bit ${offset % 8} of byte ${offset}`,
        );
        outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      }
    }
    expect(outcomes["repaired"]).toBeGreaterThan(10);
    expect(outcomes["refused"]).toBeGreaterThan(10);
  });

  it("with a file cut short anywhere, or gone, is served right or not at all", async () => {
    for (const name of await filesOf(whole)) {
      if (/LOG|LOCK/.test(name)) continue;
      const { size } = await stat(join(whole, name));
      await check(name, (path) => rm(path), "gone");
      const stride = Math.max(1, Math.floor(size / 10) | 1);
      for (let length = 0; length < size; length += stride)
        await check(name, (path) => truncate(path, length), `cut to ${length} of ${size}`);
    }
  });
});
