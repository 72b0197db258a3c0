// Creates, gets, lists and watches of ConfigMaps through the apiserver, with the store behind it syncing every write.
import { configMaps } from "@coxswain/api/core/v1";
import type { ConfigMap } from "@coxswain/api/core/v1";
import type { ResourceClient } from "@coxswain/client";
import type { Benchmark, Figure } from "./bench.ts";
import { summarize } from "./bench.ts";

const objects = 2000;
const parallel = 16;
const namespace = "default";
const label = "coxswain-bench";

export const benchmark: Benchmark = {
  summary: `${objects} creates, gets and one list of ConfigMaps with ${parallel} in flight; watch delivery meanwhile`,
  async run({ client, say }) {
    const resource = client.resource(configMaps);
    const aborter = new AbortController();
    const since = (await resource.list({ namespace, labelSelector: label })).metadata.resourceVersion;
    const sentAt = new Map<string, number>();
    const deliveries: number[] = [];
    const watching = follow(resource, since, sentAt, deliveries, aborter);

    const names = Array.from({ length: objects }, (_unused, index) => `bench-${index}`);
    const creates = await timed("create", names, async (name) => {
      sentAt.set(name, performance.now());
      await resource.create(configMap(name));
    });
    await watching;
    say("created");
    const gets = await timed("get", names, (name) => resource.get({ namespace, name }));
    const startedAt = performance.now();
    await resource.list({ namespace, labelSelector: label });
    const list: Figure = { name: `list of ${objects}`, unit: "ms", value: performance.now() - startedAt };
    await resource.deleteCollection({ namespace, labelSelector: label });
    return [...creates, ...summarize("watch delivery after the send", deliveries), ...gets, list];
  },
};

async function follow(
  resource: ResourceClient<ConfigMap>,
  since: string | undefined,
  sentAt: ReadonlyMap<string, number>,
  deliveries: number[],
  aborter: AbortController,
): Promise<void> {
  const start = since === undefined ? {} : { resourceVersion: since };
  for await (const event of resource.watch({ namespace, labelSelector: label, ...start, signal: aborter.signal })) {
    const sent = event.type === "ADDED" ? sentAt.get(event.object.metadata.name) : undefined;
    if (sent !== undefined) deliveries.push(performance.now() - sent);
    if (deliveries.length === objects) break;
  }
  aborter.abort();
}

async function timed(
  what: string,
  names: readonly string[],
  call: (name: string) => Promise<unknown>,
): Promise<readonly Figure[]> {
  const durations: number[] = [];
  const queue = names.values();
  const startedAt = performance.now();
  const work = async (): Promise<void> => {
    for (const name of queue) {
      const callAt = performance.now();
      await call(name);
      durations.push(performance.now() - callAt);
    }
  };
  await Promise.all(Array.from({ length: parallel }, work));
  const perSecond = (names.length / (performance.now() - startedAt)) * 1000;
  return [{ name: `${what} rate`, unit: "/s", value: perSecond }, ...summarize(what, durations)];
}

function configMap(name: string): ConfigMap {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name, namespace, labels: { [label]: "yes" } },
    data: { text: "x".repeat(256) },
  };
}
