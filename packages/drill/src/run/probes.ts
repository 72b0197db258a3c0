// Questions that are asked while a fault lasts: what must still work then, and what must be said by then.
import { configMaps } from "@coxswain/api/core/v1";
import { isNotFound } from "@coxswain/client";
import type { Client } from "@coxswain/client";
import type { Clock } from "@coxswain/clock";
import type { Target } from "../cluster/target.ts";
import type { Probe } from "../recording.ts";

export const probePromises = {
  "refuses-growth": "a full store refuses what adds, and says why",
  "deletes-work": "deletes work while the store is full",
  "compaction-works": "compaction works while the store is full",
  "reads-work": "reads work while the fault lasts",
  "warns-of-certificates": "certificates that end soon are complained of",
} as const;

export type ProbeName = keyof typeof probePromises;

export interface ProbePorts {
  readonly target: Target;
  readonly client: Client;
  readonly namespace: string;
  readonly clock: Clock;
}

const patienceMs = 10_000;
const doomed = "doomed";

/** What the probes need to be there before the fault. */
export async function prepareProbes(names: readonly ProbeName[], client: Client, namespace: string): Promise<void> {
  if (!names.includes("deletes-work")) return;
  const metadata = { name: doomed, namespace };
  await client.resource(configMaps).create({ apiVersion: "v1", kind: "ConfigMap", metadata, data: { value: "x" } });
}

export async function probe(name: ProbeName, strike: number, ports: ProbePorts): Promise<Probe> {
  const { clock } = ports;
  const say = (kept: boolean, because: string): Probe => ({
    at: clock.now(),
    strike,
    promise: probePromises[name],
    kept,
    because,
  });
  try {
    const found = await look(name, ports);
    return say(found.kept, found.because);
  } catch (error) {
    return say(false, (error as Error).message);
  }
}

async function look(
  name: ProbeName,
  { target, client, namespace }: ProbePorts,
): Promise<{ readonly kept: boolean; readonly because: string }> {
  const signal = AbortSignal.timeout(patienceMs);
  const maps = client.resource(configMaps);
  switch (name) {
    case "refuses-growth": {
      const metadata = { name: "too-much", namespace };
      try {
        // Larger than what the clearing-up of anything small can have freed.
        await maps.create(
          { apiVersion: "v1", kind: "ConfigMap", metadata, data: { value: "x".repeat(900_000) } },
          { signal },
        );
        return { kept: false, because: "a write was taken that the store has no room for" };
      } catch (error) {
        const said = (error as Error).message;
        return { kept: /space exceeded/.test(said), because: `refused: ${said}` };
      }
    }
    case "deletes-work":
      await maps.delete({ namespace, name: doomed }, { signal });
      return await maps.get({ namespace, name: doomed }, { signal }).then(
        () => ({ kept: false, because: "what was deleted is still there" }),
        (error: unknown) => ({ kept: isNotFound(error), because: "an object was deleted through the API and is gone" }),
      );
    case "compaction-works": {
      const store = target.store?.connectAll();
      if (store === undefined) throw new Error("nobody gave a certificate for the store");
      try {
        const { header } = await store.kv.range({ key: Buffer.from("compaction?") });
        const revision = header?.revision ?? 0;
        await store.kv.compact({ revision });
        return { kept: true, because: `everything before revision ${revision} was compacted` };
      } finally {
        store.close();
      }
    }
    case "reads-work": {
      const { items } = await maps.list({ namespace, signal });
      return { kept: items.length > 0, because: `${items.length} objects were read` };
    }
    case "warns-of-certificates": {
      const complaints = await Promise.all(target.machines.map(({ name: machine }) => target.complaints(machine)));
      const silent = target.machines.filter((_, index) => complaints[index]?.length === 0).map(({ name: of }) => of);
      return silent.length > 0
        ? { kept: false, because: `nothing is said of the certificates of ${silent.join(", ")}` }
        : { kept: true, because: `${complaints.flat().length} complaints, such as "${complaints.flat()[0] ?? ""}"` };
    }
  }
}
