// Clients that write ConfigMaps through the API, each its own objects, one request at a time, with values that are never used twice.
// What came back is recorded, and what is not known is recorded as that.
import { configMaps } from "@coxswain/api/core/v1";
import type { ConfigMap } from "@coxswain/api/core/v1";
import { isAlreadyExists, isNotFound, isOutcomeUnknown } from "@coxswain/client";
import type { Client } from "@coxswain/client";
import type { Clock, Random } from "@coxswain/clock";
import type { ApiWrite, FinalObject } from "../recording.ts";

export interface WritersConfig {
  readonly namespace: string;
  readonly writers: number;
  readonly objectsPerWriter: number;
  readonly pauseMs: number;
  readonly timeoutMs: number;
}

export interface Writers {
  readonly writes: ApiWrite[];
  /** Resolves when the last answer has come. */
  stop(): Promise<void>;
}

export const drillLabel = "coxswain.io/drill";

/** `clients` are taken in turn: each prefers another server. */
export function startWriters(
  config: WritersConfig,
  clients: readonly Client[],
  ports: { readonly clock: Clock; readonly random: Random },
): Writers {
  const writes: ApiWrite[] = [];
  const stopping = new AbortController();
  const ended = Promise.all(
    Array.from({ length: config.writers }, (_, index) =>
      runWriter(index + 1, config, clients[index % clients.length] as Client, ports, writes, stopping.signal),
    ),
  );
  ended.catch(() => stopping.abort());
  return {
    writes,
    async stop() {
      stopping.abort();
      await ended;
    },
  };
}

async function runWriter(
  client: number,
  config: WritersConfig,
  api: Client,
  { clock, random }: { readonly clock: Clock; readonly random: Random },
  writes: ApiWrite[],
  stopping: AbortSignal,
): Promise<void> {
  const { namespace, objectsPerWriter, timeoutMs } = config;
  const resource = api.resource(configMaps);
  const there = new Set<string>();
  for (let round = 1; !stopping.aborted; round += 1) {
    const name = `w${client}-${random.int(objectsPerWriter)}`;
    const verb = !there.has(name) ? "create" : random.int(20) === 0 ? "delete" : "update";
    const value = verb === "delete" ? "" : `${client}.${round}`;
    const object: ConfigMap = {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name, namespace, labels: { [drillLabel]: "writes" } },
      data: { value },
    };
    const signal = AbortSignal.timeout(timeoutMs);
    const start = clock.now();
    const outcome = await settle(async () => {
      if (verb === "delete") {
        await resource.delete({ namespace, name }, { signal });
        return "";
      }
      const written =
        verb === "create" ? await resource.create(object, { signal }) : await resource.update(object, { signal });
      return written.metadata.resourceVersion ?? "";
    });
    writes.push({
      id: writes.length + 1,
      client,
      verb,
      name,
      value,
      start,
      end: clock.now(),
      outcome: outcome.outcome,
    });
    if (outcome.outcome.kind === "ok") void (verb === "delete" ? there.delete(name) : there.add(name));
    else if (isAlreadyExists(outcome.error)) there.add(name);
    else if (isNotFound(outcome.error)) there.delete(name);
    await clock.sleep(random.int(config.pauseMs * 2) + 1, stopping).catch((error: unknown) => {
      if (!stopping.aborted) throw error;
    });
  }
}

async function settle(work: () => Promise<string>): Promise<{ outcome: ApiWrite["outcome"]; error?: unknown }> {
  try {
    return { outcome: { kind: "ok", resourceVersion: await work() } };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { outcome: { kind: isOutcomeUnknown(error) ? "unknown" : "failed", reason }, error };
  }
}

/** What is there in the end; asks until somebody answers or the time is over. */
export async function readFinal(
  api: Client,
  namespace: string,
  clock: Clock,
  withinMs: number,
): Promise<readonly FinalObject[] | undefined> {
  const deadline = clock.monotonic() + withinMs;
  while (clock.monotonic() < deadline) {
    try {
      const { items } = await api
        .resource(configMaps)
        .list({ namespace, labelSelector: `${drillLabel}=writes`, signal: AbortSignal.timeout(5000) });
      return items.map(({ metadata, data }) => ({
        name: metadata.name ?? "",
        value: data?.["value"] ?? "",
        resourceVersion: metadata.resourceVersion ?? "",
      }));
    } catch {
      // Asked again until the time is over; the caller says what it means that nobody answered.
      await clock.sleep(250);
    }
  }
  return undefined;
}
