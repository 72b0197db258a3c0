// The client of the comparison, as a process of its own, so that its time is not counted to a server: clients that each wait for an
// answer before they ask again. Takes one job as JSON, prints one result as JSON. The same program loads both systems.
import { systemClock } from "@coxswain/clock";
import { createEtcdClient } from "@coxswain/etcd-api";
import type { EtcdClient } from "@coxswain/etcd-api";

export interface LoadJob {
  readonly kind: "put" | "range" | "serializable" | "fill" | "watch";
  readonly endpoints: readonly string[];
  readonly clients: number;
  readonly seconds: number;
  readonly valueBytes: number;
  readonly keys: number;
}

export interface LoadResult {
  readonly perSecond: number;
  /** Of a call, or of a delivery. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly errors: number;
}

const warmUpMs = 400;
/** Clients share connections as the goroutines of one program do. */
const clientsPerConnection = 16;

const job = JSON.parse(process.argv[2] ?? "{}") as LoadJob;
const connections = Array.from({ length: Math.ceil(Math.min(job.clients, 256) / clientsPerConnection) }, (_, index) =>
  createEtcdClient(
    { endpoints: [job.endpoints[index % job.endpoints.length] ?? ""], timeoutMs: 30_000 },
    { clock: systemClock },
  ),
);
const value = Buffer.alloc(job.valueBytes, "v");
const result = job.kind === "watch" ? await watch() : job.kind === "fill" ? await fill() : await calls();
process.stdout.write(`${JSON.stringify(result)}\n`);
for (const connection of connections) connection.close();

async function calls(): Promise<LoadResult> {
  const startedAt = performance.now();
  const countFrom = startedAt + warmUpMs;
  const end = countFrom + job.seconds * 1000;
  const durations: number[] = [];
  let errors = 0;
  const work = async (client: EtcdClient, seed: number): Promise<void> => {
    for (let round = 0; ; round++) {
      const sentAt = performance.now();
      if (sentAt >= end) return;
      const key = keyOf((seed * 7919 + round * 104_729) % job.keys);
      try {
        if (job.kind === "put") await client.kv.put({ key, value });
        else await client.kv.range({ key, serializable: job.kind === "serializable" });
      } catch {
        errors++;
        continue;
      }
      const now = performance.now();
      if (sentAt >= countFrom && now < end) durations.push(now - sentAt);
    }
  };
  await Promise.all(
    Array.from({ length: job.clients }, (_, index) =>
      work(connections[index % connections.length] as EtcdClient, index),
    ),
  );
  return { perSecond: durations.length / job.seconds, ...percentiles(durations), errors };
}

/** All keys once, in transactions of a hundred. */
async function fill(): Promise<LoadResult> {
  const startedAt = performance.now();
  const durations: number[] = [];
  let next = 0;
  const work = async (client: EtcdClient): Promise<void> => {
    while (next < job.keys) {
      const from = next;
      next = Math.min(job.keys, next + 100);
      const sentAt = performance.now();
      await client.kv.txn({
        success: Array.from({ length: next - from }, (_, index) => ({
          requestPut: { key: keyOf(from + index), value },
        })),
      });
      durations.push(performance.now() - sentAt);
    }
  };
  await Promise.all(
    Array.from({ length: job.clients }, (_, index) => work(connections[index % connections.length] as EtcdClient)),
  );
  return { perSecond: (job.keys / (performance.now() - startedAt)) * 1000, ...percentiles(durations), errors: 0 };
}

/** One writer, a hundred events a second; every watcher sees each of them. */
async function watch(): Promise<LoadResult> {
  const perSecond = 100;
  const sentAt: number[] = [];
  const deliveries: number[] = [];
  const aborter = new AbortController();
  let ready = 0;
  const follow = async (client: EtcdClient): Promise<void> => {
    for await (const batch of client.watch({ key: "watched", signal: aborter.signal })) {
      if (batch.created) ready++;
      const now = performance.now();
      for (const { kv } of batch.events) {
        const position = kv === undefined ? 0 : kv.value.readUInt32BE(0);
        if (position >= perSecond) deliveries.push(now - (sentAt[position] ?? now));
      }
    }
  };
  const watchers = Array.from({ length: job.clients }, (_, index) =>
    follow(connections[index % connections.length] as EtcdClient).catch(() => undefined),
  );
  while (ready < job.clients) await systemClock.sleep(5);
  const writer = connections[0] as EtcdClient;
  const startedAt = performance.now();
  const events = (job.seconds + 1) * perSecond;
  const writes: Promise<unknown>[] = [];
  for (let position = 0; position < events; position++) {
    const dueAt = startedAt + (position * 1000) / perSecond;
    if (performance.now() < dueAt) await systemClock.sleep(dueAt - performance.now());
    const stamped = Buffer.from(value);
    stamped.writeUInt32BE(position);
    sentAt.push(performance.now());
    writes.push(writer.kv.put({ key: "watched", value: stamped }));
  }
  await Promise.all(writes);
  const wanted = job.clients * job.seconds * perSecond;
  for (let waited = 0; deliveries.length < wanted && waited < 200; waited++) await systemClock.sleep(50);
  const took = (performance.now() - startedAt) / 1000 - 1;
  aborter.abort();
  await Promise.all(watchers);
  return { perSecond: deliveries.length / took, ...percentiles(deliveries), errors: wanted - deliveries.length };
}

function keyOf(number: number): string {
  return `bench/${String(number).padStart(12, "0")}`;
}

function percentiles(durations: readonly number[]): { p50Ms: number; p99Ms: number } {
  const sorted = Float64Array.from(durations).sort();
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
  return { p50Ms: at(0.5), p99Ms: at(0.99) };
}
