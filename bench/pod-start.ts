// From the POST of a pod to Running, one pod after the other, split by the phases that the API shows: bound, sandbox and
// address ready, running.
import { pods } from "@coxswain/api/core/v1";
import type { Pod } from "@coxswain/api/core/v1";
import type { Benchmark } from "./bench.ts";
import { summarize } from "./bench.ts";

const count = 50;
const namespace = "default";

export const benchmark: Benchmark = {
  summary: `create → Running of ${count} pods in turn, image present`,
  async run({ client, say }) {
    const resource = client.resource(pods);
    const bound: number[] = [];
    const addressed: number[] = [];
    const running: number[] = [];
    for (let i = 0; i < count; i++) {
      const name = `bench-pod-start-${i}`;
      const startedAt = performance.now();
      const created = await resource.create(benchPod(name));
      const aborter = new AbortController();
      const since = created.metadata.resourceVersion;
      const watch = resource.watch({
        namespace,
        fieldSelector: `metadata.name=${name}`,
        ...(since === undefined ? {} : { resourceVersion: since }),
        signal: aborter.signal,
      });
      let [boundAt, addressedAt] = [0, 0];
      for await (const { object } of watch) {
        const elapsed = performance.now() - startedAt;
        if (object.spec?.nodeName) boundAt ||= elapsed;
        if (object.status?.podIP) addressedAt ||= elapsed;
        if (object.status?.phase !== "Running") continue;
        bound.push(boundAt);
        addressed.push(addressedAt);
        running.push(elapsed);
        break;
      }
      aborter.abort();
      await resource.delete({ namespace, name }, { gracePeriodSeconds: 0 });
      if (i % 10 === 9) say(`${i + 1} of ${count} pods`);
    }
    return [
      ...summarize("create → bound", bound),
      ...summarize("create → address", addressed),
      ...summarize("create → Running", running),
    ];
  },
};

function benchPod(name: string): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace },
    spec: {
      terminationGracePeriodSeconds: 0,
      automountServiceAccountToken: false,
      containers: [
        {
          name: "sleep",
          image: "coxswain/busybox:1",
          imagePullPolicy: "Never",
          command: ["/bin/busybox", "sleep", "3600"],
        },
      ],
    },
  };
}
