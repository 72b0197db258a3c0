// Clients that do what the workload says until they are told to stop, each on a connection of its own, moving to another member when
// one does not answer. Everything they ask and hear goes to the recorder. Beside them, watches that follow everything, one on each
// member and one on all of them, so that it is known afterwards what happened in which order.
import type { Clock, Random } from "@coxswain/clock";
import type { EtcdClient } from "@coxswain/etcd-api";
import type { Outcome, Request } from "../history.ts";
import { perform } from "./perform.ts";
import type { Recorder } from "./recorder.ts";
import { startTapes } from "./tapes.ts";
import type { Tapes } from "./tapes.ts";
import { startWatching } from "./watching.ts";
import type { Watching } from "./watching.ts";
import { nextStep } from "./workload.ts";
import type { Names, Seen, Step, WorkloadConfig } from "./workload.ts";

/** The members that clients may talk to; they may come and go. */
export interface Targets {
  names(): readonly string[];
  /** A new client of one member. */
  connect(name: string): EtcdClient;
  /** A new client of all. */
  connectAll(): EtcdClient;
}

export interface LoadConfig extends WorkloadConfig {
  readonly clients: number;
  /** Clients wait up to this long between two requests. */
  readonly mostPauseMs: number;
  readonly timeoutMs: number;
  /** The store's revision before the first request; there is nothing under the prefix then. */
  readonly beginning: number;
}

export interface LoadPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly targets: Targets;
  readonly recorder: Recorder;
}

export interface Load {
  readonly tapes: Tapes;
  /** Ends the clients, not the tapes. Resolves when the last answer has come. Rejects with what no client should meet. */
  stop(): Promise<void>;
}

const epochMs = 20_000;
/** So much history is left behind the slowest tape when a client compacts. */
const keptRevisions = 300;

export function startLoad(config: LoadConfig, ports: LoadPorts): Load {
  const { clock } = ports;
  const stopping = new AbortController();
  const startMs = clock.monotonic();
  const tapes = startTapes(config, ports);
  const shared: Shared = {
    epoch: () => Math.floor((clock.monotonic() - startMs) / epochMs),
    compactable: () => tapes.position() - keptRevisions,
    latest: config.beginning,
    stopping: stopping.signal,
  };
  const clients = Array.from({ length: config.clients }, (_, number) => runClient(number + 1, config, ports, shared));
  const ended = Promise.all(clients);
  // It is awaited in `stop`; until then a failure has to wait.
  ended.catch(() => stopping.abort());
  return {
    tapes,
    async stop() {
      stopping.abort();
      await ended;
    },
  };
}

interface Shared {
  readonly epoch: () => number;
  readonly compactable: () => number;
  /** The highest revision that any client was told. */
  latest: number;
  readonly stopping: AbortSignal;
}

async function runClient(number: number, config: LoadConfig, ports: LoadPorts, shared: Shared): Promise<void> {
  const { clock, random, targets, recorder } = ports;
  const connections = new Map<string, EtcdClient>();
  const modRevisions = new Map<string, number>();
  const watches = new Set<Watching>();
  const names = namesOf(config, number);
  let at = number;

  const here = (): { name: string; client: EtcdClient } => {
    const known = targets.names();
    const name = known[at % known.length] ?? "";
    const client = connections.get(name) ?? targets.connect(name);
    connections.set(name, client);
    return { name, client };
  };
  const ask = async (request: Request): Promise<Outcome> => {
    const { name, client } = here();
    const outcome = await recorder.operation({ client: number, member: name }, request, () =>
      perform(client, request, config.timeoutMs),
    );
    if (outcome.kind === "ok") learn(outcome.response);
    else if (outcome.kind === "unknown" || !outcome.reason.includes("etcdserver:")) at++;
    return outcome;
  };
  const learn = (response: (Outcome & { kind: "ok" })["response"]): void => {
    shared.latest = Math.max(shared.latest, response.revision);
    if (response.kind === "range") for (const kv of response.kvs) modRevisions.set(kv.key, kv.modRevision);
    if (response.kind !== "txn") return;
    for (const part of response.responses)
      if (part.kind === "range") for (const kv of part.kvs) modRevisions.set(kv.key, kv.modRevision);
  };
  const take = async (step: Step): Promise<void> => {
    switch (step.kind) {
      case "request":
        await ask(step.request);
        return;
      case "compact": {
        const revision = shared.compactable();
        if (revision > config.beginning) await ask({ kind: "compact", revision });
        return;
      }
      case "lease":
        return await useLease(step);
      case "watch": {
        const { name, client } = here();
        const watching = startWatching(client, recorder, { client: number, member: name }, step.request);
        watches.add(watching);
        void watching.ended.then(() => watches.delete(watching));
        clock.setTimeout(() => void watching.close(), step.forMs);
      }
    }
  };
  const useLease = async ({ grant, keys, renewals, revoke }: Step & { kind: "lease" }): Promise<void> => {
    const { lease, ttlSeconds } = grant;
    if ((await ask(grant)).kind !== "ok") return;
    for (const key of keys) await ask({ kind: "put", key, value: names.value(32), lease });
    for (let count = 0; count < renewals; count++) {
      await pause(clock, ttlSeconds * (300 + random.int(500)), shared.stopping);
      const renewed = await ask({ kind: "keepAlive", lease });
      for (const key of keys) await ask({ kind: "range", key });
      if (renewed.kind === "ok" && renewed.response.kind === "keepAlive" && renewed.response.ttlSeconds === 0) return;
    }
    if (revoke) await ask({ kind: "revoke", lease });
    for (const key of keys) await ask({ kind: "range", key });
  };

  try {
    while (!shared.stopping.aborted) {
      if (modRevisions.size > 1000) modRevisions.clear();
      const seen: Seen = { revision: shared.latest, modRevisions };
      await take(nextStep(config, shared.epoch(), random, seen, names));
      await pause(clock, random.int(config.mostPauseMs + 1), shared.stopping);
    }
  } finally {
    await Promise.all(Array.from(watches, (watching) => watching.close()));
    for (const client of connections.values()) client.close();
  }
}

/** The prefix keeps values and leases of one round apart from another's. */
function namesOf({ prefix }: LoadConfig, client: number): Names {
  let [values, leases] = [0, 0];
  const round = BigInt(`0x${Buffer.from(prefix).toString("hex").slice(-8) || "0"}`);
  return {
    value: (sizeBytes) => `${client}.${++values}#${sizeBytes}`,
    lease: () => String((round << 30n) | (BigInt(client) << 20n) | BigInt(++leases)),
  };
}

/** Shorter when the load is stopped. */
async function pause(clock: Clock, delayMs: number, stopping: AbortSignal): Promise<void> {
  if (stopping.aborted) return;
  await clock.sleep(delayMs, stopping).catch((error: unknown) => {
    if (!stopping.aborted) throw error;
  });
}
