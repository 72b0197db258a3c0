// What 50,000 pods cost the apiserver in memory, and whether thirty clients that list them all at once can kill it.
import { startControlPlane } from "../test/protocol/control-plane.ts";
import { createLoad, createNamespace, memoryMb, pod, timed } from "./apiserver/load.ts";
import type { StandaloneBenchmark } from "./bench.ts";

const namespaces = 10;
const podsPerNamespace = 5000;
const clients = 30;

export const benchmark: StandaloneBenchmark = {
  summary: `${namespaces * podsPerNamespace} pods in memory, then ${clients} clients list them all at once`,
  async measure(say) {
    await using plane = await startControlPlane();
    const pid = plane.servers[0]?.pid ?? 0;
    using load = await createLoad(plane, 4);
    for (let index = 0; index < namespaces; index += 1) await createNamespace(load, `n-${index}`);
    const creates = await timed("pod create", namespaces * podsPerNamespace, 64, (index) =>
      load.call("POST", `/api/v1/namespaces/n-${index % namespaces}/pods`, pod(`pod-${index}`)),
    );
    say("created");
    const full = memoryMb(pid, "VmRSS");
    const one = await timed("list alone", 3, 1, () => load.call("GET", "/api/v1/pods"));
    const loads = await Promise.all(Array.from({ length: clients }, () => createLoad(plane, 1)));
    let refused = 0;
    const together = await timed(`list with ${clients} at once`, clients, clients, async (index) => {
      await loads[index]?.call("GET", "/api/v1/pods").catch(() => (refused += 1));
    });
    for (const each of loads) each[Symbol.dispose]();
    return [
      ...creates,
      { name: "memory with all pods", unit: "MB", value: full },
      ...one.filter(({ unit }) => unit === "ms"),
      ...together.filter(({ unit }) => unit === "ms"),
      { name: "lists refused", unit: "", value: refused },
      { name: "highest memory", unit: "MB", value: memoryMb(pid, "VmHWM") },
      { name: "still the same process", unit: "", value: Number(plane.servers[0]?.pid === pid) },
    ];
  },
};
