// Every member gets a quota little above what it holds, and somebody fills it until nothing that could be cleared up makes room. Lifting deletes what was put there, compacts, waits until the
// store has taken its alarm back by itself, and gives the usual quota again.
import { restartPlain, restartWith } from "../environment.ts";
import type { Ground, HardshipHand } from "../ground.ts";
import { always, mastersOf, memberServes, settled } from "../ground.ts";

const prefix = "/coxswain-drill-filler/";
const end = Buffer.from(`${prefix.slice(0, -1)}0`);
/** Less than what the store wants free before it takes its alarm back: a twentieth of any quota that is set here. */
const pieceBytes = 128 * 1024;
const mostPieces = 4096;

/** Bytes that nothing makes smaller. */
function noise(seed: number): Buffer {
  const words = new Uint32Array(pieceBytes / 4);
  let state = seed;
  for (let at = 0; at < words.length; at += 1) words[at] = state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return Buffer.from(words.buffer);
}

function openAll({ store }: Ground) {
  if (store === undefined) throw new Error("nobody gave a certificate for the store");
  return store.connectAll();
}

async function largest(ground: Ground): Promise<number> {
  const sizes = await Promise.all(
    mastersOf(ground).map(async ({ name }) => {
      const client = ground.store?.connect(name);
      const status = await client?.maintenance.status({}).finally(() => client.close());
      return Number(status?.dbSize ?? 0);
    }),
  );
  return Math.max(...sizes);
}

/** Takes away what nobody can read any more, so that no clearing-up by itself ends the hardship. */
async function reclaim(ground: Ground): Promise<void> {
  const client = openAll(ground);
  try {
    const { header } = await client.kv.range({ key: Buffer.from(prefix) });
    await client.kv.compact({ revision: header?.revision ?? 0, physical: true });
  } finally {
    client.close();
  }
  for (const { name } of mastersOf(ground)) {
    const member = ground.store?.connect(name);
    await member?.maintenance.defragment({}).finally(() => member.close());
  }
}

export const fullStore: HardshipHand = {
  available: always,
  async impose(ground, _machine, spareMiB) {
    await reclaim(ground);
    const quota = (await largest(ground)) + spareMiB * 1024 * 1024;
    for (const { name } of mastersOf(ground)) {
      await restartWith(ground, name, "store", [`export ETCD_QUOTA_BACKEND_BYTES=${quota}`]);
      await memberServes(ground, name);
    }
    const client = openAll(ground);
    try {
      for (let piece = 0, reclaimed = false; ; piece += 1) {
        if (piece === mostPieces)
          throw new Error(
            `the store took ${(mostPieces * pieceBytes) / 1024 / 1024} MiB with a quota of ${quota} bytes`,
          );
        const value = noise(piece + 1);
        const full = await client.kv.put({ key: Buffer.from(`${prefix}${piece}`), value }).then(
          () => false,
          (error: unknown) => {
            if (/space exceeded/.test((error as Error).message)) return true;
            throw error;
          },
        );
        if (full && reclaimed) return;
        if (full) await reclaim(ground);
        reclaimed = full;
      }
    } finally {
      client.close();
    }
  },
  async lift(ground) {
    const client = openAll(ground);
    try {
      const { header, deleted } = await client.kv.deleteRange({ key: Buffer.from(prefix), rangeEnd: end });
      if (Number(deleted) > 0) await client.kv.compact({ revision: header?.revision ?? 0 });
      await settled(ground, "the store takes its alarm back", 60_000, async () => {
        const { alarms } = await client.maintenance.alarm({ action: "GET" });
        return alarms.length === 0;
      });
    } finally {
      client.close();
    }
    for (const { name } of mastersOf(ground)) {
      await restartPlain(ground, name, "store");
      await memberServes(ground, name);
    }
  },
};
