// A real control plane over simulated nodes: what people try without Docker, and what operators are tested with. About 30 seconds.
import { afterAll, beforeAll, expect, it } from "vitest";
import type { TestCluster } from "./cluster.ts";
import { startCluster } from "./cluster.ts";

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startCluster(["--hollow", "3", "--no-demo"]);
}, 120_000);
afterAll(() => cluster?.[Symbol.asyncDispose](), 60_000);
const must = (line: string): Promise<string> => cluster.must(line.split(" "));

it("runs deployments on nodes that say what they are, and takes them away again", async () => {
  expect(await must("get nodes -l coxswain.io/hollow=true -o jsonpath={.items[*].metadata.name}")).toBe(
    "hollow-1 hollow-2 hollow-3",
  );
  await must("create deployment web --image nginx --replicas 30");
  await must("rollout status deployment web --timeout=90s");
  const addresses = (await must("get pods -l app=web -o jsonpath={.items[*].status.podIP}")).split(" ");
  expect(new Set(addresses).size).toBe(30);
  await must("set image deployment/web nginx=nginx:2");
  await must("rollout status deployment web --timeout=90s");
  await must("delete deployment web --cascade=foreground --timeout=90s");
  expect(await must("get pods -l app=web -o name")).toBe("");
}, 240_000);

it("ends what says that it ends, with the code that it says", async () => {
  await must("create job good --image busybox -- sleep 1");
  await must("wait --for=condition=complete job/good --timeout=60s");
  await cluster.must(["run", "bad", "--image=busybox", "--restart=Never", "--", "sh", "-c", "echo no; exit 3"]);
  await must("wait --for=jsonpath={.status.phase}=Failed pod/bad --timeout=60s");
  expect(await must("get pod bad -o jsonpath={.status.containerStatuses[0].state.terminated.exitCode}")).toBe("3");
}, 150_000);
