// The lab: one control-plane machine and three workers on this computer, each a network namespace with its own engine.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually, run, startCluster } from "./cluster.ts";
import type { TestCluster } from "./cluster.ts";

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startCluster(["--workers", "3"]);
});
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
  expect((await run("ip", ["-br", "link"])).stdout).not.toMatch(/^cxl-/m);
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
