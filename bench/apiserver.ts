// The apiserver over our store, which syncs every write, both on this machine and with nothing else beside them: pod creates, gets,
// lists, the delivery of watch events to a thousand watchers, the start, and memory at rest.
import { setTimeout as delay } from "node:timers/promises";
import { nodeFlagsOf } from "../scripts/cluster/processes.ts";
import { startControlPlane } from "../test/protocol/control-plane.ts";
import { createLoad, createNamespace, memoryMb, pod, timed } from "./apiserver/load.ts";
import type { Load } from "./apiserver/load.ts";
import type { Figure, StandaloneBenchmark } from "./bench.ts";
import { summarize } from "./bench.ts";

/** What the first seconds of a daemon's life cost is not measured here: V8 compiles what is often run, some of it late. */
const warmUps = 12_000;
const creates = 5000;
const gets = 10_000;
const watchers = 1000;
const eventsPerSecond = 100;
const watchSeconds = 5;
/** Each of these reads the times out of its events; the others only take them. */
const measuredWatchers = 50;

export const benchmark: StandaloneBenchmark = {
  summary: `pod creates and gets with 16 and 64 in flight, list of ${2 * creates} pods, ${watchers} watchers × ${eventsPerSecond} events/s`,
  async measure(say) {
    await using plane = await startControlPlane({ nodeFlagsOf });
    const [server] = plane.servers;
    if (!server) throw new Error("no apiserver");
    await delay(3000);
    const idle: Figure = { name: "memory at rest", unit: "MB", value: memoryMb(server.pid, "VmRSS") };
    await server.stop();
    const stoppedAt = performance.now();
    await server.restart();
    const start: Figure = { name: "start to ready", unit: "ms", value: performance.now() - stoppedAt };
    using load = await createLoad(plane, 4);
    for (const name of ["warm", "listed"]) await createNamespace(load, name);
    const pods = (namespace: string): string => `/api/v1/namespaces/${namespace}/pods`;
    const create = (namespace: string, prefix: string) => (index: number) =>
      load.call("POST", pods(namespace), pod(`${prefix}-${index}`));
    await timed("warm-up", warmUps, 64, create("warm", "w"));
    say("warm");
    const create16 = await timed("pod create, 16 in flight", creates, 16, create("listed", "a"));
    const create64 = await timed("pod create, 64 in flight", creates, 64, create("listed", "b"));
    say("created");
    const get = (index: number): Promise<unknown> => load.call("GET", `${pods("listed")}/a-${index % creates}`);
    await timed("warm-up", warmUps, 64, get);
    const get16 = await timed("pod get, 16 in flight", gets, 16, get);
    const get64 = await timed("pod get, 64 in flight", gets, 64, get);
    const list = await timed(`list of ${2 * creates} pods`, 10, 1, () => load.call("GET", pods("listed")));
    const cached = await timed("the same with resourceVersion=0", 10, 1, () =>
      load.call("GET", `${pods("listed")}?resourceVersion=0`),
    );
    say("listed");
    const delivery = await watchEvents(await createLoad(plane, 10), load);
    const after: Figure = { name: "memory after all this", unit: "MB", value: memoryMb(server.pid, "VmRSS") };
    const lists = [...list, ...cached].filter(({ unit }) => unit === "ms");
    return [start, idle, ...create16, ...create64, ...get16, ...get64, ...lists, ...delivery, after];
  },
};

/** From the send of a write to the arrival of its event, over all measured watchers. */
async function watchEvents(readers: Load, writer: Load): Promise<readonly Figure[]> {
  using load = readers;
  await createNamespace(writer, "watched");
  const path = "/api/v1/namespaces/watched/configmaps";
  const durations: number[] = [];
  let arrived = 0;
  const take = (): ((chunk: Buffer) => void) => {
    let rest = "";
    return (chunk) => {
      const now = performance.now();
      const lines = (rest + chunk.toString("latin1")).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        durations.push(now - Number(/"sent":"([\d.]+)"/.exec(line)?.[1]));
        arrived += 1;
      }
    };
  };
  const watching = Array.from({ length: watchers }, (_unused, index) =>
    load.watch(`${path}?watch=true`, index < measuredWatchers ? take() : () => undefined),
  );
  await Promise.all(watching);
  const total = eventsPerSecond * watchSeconds;
  const startedAt = performance.now();
  for (let index = 0; index < total; index += 1) {
    const waitMs = startedAt + (index * 1000) / eventsPerSecond - performance.now();
    if (waitMs > 0) await delay(waitMs);
    const data = { sent: String(performance.now()), text: "x".repeat(256) };
    void writer.call("POST", path, JSON.stringify({ metadata: { name: `event-${index}` }, data }));
  }
  const deadline = performance.now() + 30_000;
  while (arrived < total * measuredWatchers && performance.now() < deadline) await delay(20);
  return [
    { name: "events missed", unit: "", value: total * measuredWatchers - arrived },
    ...summarize("event delivery after the send", durations),
  ];
}
