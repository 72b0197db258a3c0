// The lab: one control-plane machine and three workers on this computer, each a network namespace with its own engine. On it
// demos are played, each for one challenge of a cluster.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "@coxswain/clock";
import { createLab, labDirectory } from "@coxswain/lab";
import type { Lab } from "@coxswain/lab";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { layoutOf } from "../../scripts/cluster/layout.ts";
import { eventually, run, startCluster } from "./cluster.ts";
import type { TestCluster } from "./cluster.ts";
import { demos } from "./demos/index.ts";
import { perform } from "./demos/stage.ts";

let cluster: TestCluster;
let lab: Lab;
beforeAll(async () => {
  cluster = await startCluster(["--workers", "3"]);
  lab = createLab({ directory: await labDirectory(layoutOf(cluster.dataDir).labDir) }, { clock: systemClock });
});
afterAll(async () => {
  const { topology } = JSON.parse(readFileSync(join(layoutOf(cluster.dataDir).labDir, "lab.json"), "utf8")) as {
    topology: { bridge: string };
  };
  await cluster?.[Symbol.asyncDispose]();
  expect((await run("ip", ["-br", "link"])).stdout).not.toContain(topology.bridge);
});

describe("a lab of one master and three workers", () => {
  it("has three Ready nodes and no pod on the control-plane machine (A001, A010)", async () => {
    const rows = (await cluster.must(["get", "nodes", "--no-headers"])).trim().split("\n");
    expect(rows.map((row) => row.split(/\s+/).slice(0, 2).join(" "))).toEqual(["m2 Ready", "m3 Ready", "m4 Ready"]);
  });

  it("spreads pods over the workers (A060)", async () => {
    await cluster.must(["-n", "demo", "scale", "deployment", "web", "--replicas=6"]);
    await cluster.must(["-n", "demo", "rollout", "status", "deployment/web", "--timeout=90s"]);
    const nodes = (await cluster.must(["-n", "demo", "get", "pods", "-o", "jsonpath={.items[*].spec.nodeName}"]))
      .trim()
      .split(" ");
    expect([...new Set(nodes)].sort()).toEqual(["m2", "m3", "m4"]);
  });

  it("carries requests from any pod through the service's name to pods on every node (A165, A175)", async () => {
    const [pod = ""] = (await cluster.must(["-n", "demo", "get", "pods", "-o", "jsonpath={.items[*].metadata.name}"]))
      .trim()
      .split(" ");
    const question = 'printf "GET / HTTP/1.0\\r\\n\\r\\n" | nc -w 2 web.demo.svc.cluster.local 80';
    const seen = await eventually("answers from three nodes", 60_000, async () => {
      const script = `for i in $(seq 30); do ${question}; done`;
      const answers = await cluster.must(["-n", "demo", "exec", "-i", pod, "--", "sh", "-c", script]);
      const nodes = new Set([...answers.matchAll(/on node (\S+),/g)].map((match) => match[1]));
      return nodes.size === 3 ? nodes : undefined;
    });
    expect([...seen].sort()).toEqual(["m2", "m3", "m4"]);
  });
});

/** The demos that need nothing but the lab as it is; `npm run demos` plays those, too, that break it and wait for what follows. */
const quick = [
  "resource-utilization",
  "load-balancing",
  "container-provisioning",
  "virtual-network",
  "correlated-processes",
  "routing",
] as const;

describe("a demo of", () => {
  it.each(quick)(
    "%s",
    async (name) => {
      const told: string[] = [];
      const forbidden = (): Promise<void> => Promise.reject(new Error("this demo is not given the switch"));
      const power = { machine: "m4", off: forbidden, on: forbidden };
      await perform(demos[name], { cluster, lab, namespace: name, power, say: (text) => told.push(text) });
      expect(told.length).toBeGreaterThan(0);
    },
    240_000,
  );
});
