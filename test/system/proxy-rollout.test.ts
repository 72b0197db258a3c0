// A rolling update under load loses no request (D-17, P13): through the cluster address from a pod, and through a node port
// from outside, by kept and by new connections, on two real nodes. The servers stop listening at SIGTERM: whoever is sent
// there later fails. PROXY_MODE=nftables (or userspace) has the same of the other modes.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually, projectRoot, run, startCluster } from "./cluster.ts";
import type { TestCluster } from "./cluster.ts";

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startCluster([
    "--workers",
    "2",
    "--no-demo",
    "--proxy-mode",
    process.env["PROXY_MODE"] ?? "iptables",
  ]);
});
afterAll(() => cluster?.[Symbol.asyncDispose]());

const scripts = join(projectRoot, "test/system/rollout");

function manifests(): unknown {
  const files = Object.fromEntries(
    ["server.mjs", "load.mjs"].map((name) => [name, readFileSync(join(scripts, name), "utf8")]),
  );
  const container = {
    image: "coxswain/demo:1",
    imagePullPolicy: "Never",
    volumeMounts: [{ name: "scripts", mountPath: "/scripts" }],
  };
  const volumes = [{ name: "scripts", configMap: { name: "scripts" } }];
  const labels = { app: "web" };
  const server = {
    ...{ ...container, name: "web", command: ["node", "/scripts/server.mjs"] },
    env: [{ name: "VERSION", value: "old" }],
    readinessProbe: { httpGet: { port: 8080 }, periodSeconds: 1 },
  };
  return {
    apiVersion: "v1",
    kind: "List",
    items: [
      { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "scripts" }, data: files },
      {
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata: { name: "web" },
        spec: {
          replicas: 2,
          selector: { matchLabels: labels },
          template: { metadata: { labels }, spec: { containers: [server], volumes } },
        },
      },
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "web" },
        spec: { type: "NodePort", selector: labels, ports: [{ port: 80, targetPort: 8080, nodePort: 30180 }] },
      },
      {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name: "load" },
        spec: {
          restartPolicy: "Never",
          containers: [{ ...container, name: "load", command: ["sleep", "600"] }],
          volumes,
        },
      },
    ],
  };
}

interface Tally {
  readonly sent: number;
  readonly seconds: number;
  readonly answers: Readonly<Record<string, number>>;
  readonly failures: Readonly<Record<string, number>>;
}

function tallyOf(outcome: { readonly stdout: string; readonly stderr: string }): Tally {
  const line = outcome.stdout.split("\n").find((each) => each.startsWith("{"));
  if (line === undefined) throw new Error(`the load told nothing: ${outcome.stdout}${outcome.stderr}`);
  return JSON.parse(line) as Tally;
}

describe("a rolling update", () => {
  it("loses none of five hundred requests a second, from a pod and through a node port", async () => {
    await cluster.must(["apply", "-f", "-"], JSON.stringify(manifests()));
    await cluster.must(["wait", "--for=condition=Available", "--timeout=90s", "deployment/web"]);
    await cluster.must(["wait", "--for=condition=Ready", "--timeout=60s", "pod/load"]);
    const { items } = JSON.parse(await cluster.must(["get", "nodes", "-o", "json"])) as {
      items: { status: { addresses: { type: string; address: string }[] } }[];
    };
    const node = items.at(-1)?.status.addresses.find(({ type }) => type === "InternalIP")?.address ?? "";
    const address = await cluster.must(["get", "service", "web", "-o", "jsonpath={.spec.clusterIP}"]);
    await eventually("the node port answers", 30_000, async () => {
      const answer = await fetch(`http://${node}:30180/`);
      return (await answer.text()) === "old" ? true : undefined;
    });

    const stopFile = join(cluster.dataDir, "stop");
    const loads = Promise.all([
      cluster.kubectl(["exec", "load", "--", "node", "/scripts/load.mjs", `http://${address}/`, "400", "/tmp/stop"]),
      run(process.execPath, [join(scripts, "load.mjs"), `http://${node}:30180/`, "100", stopFile]),
    ]);
    await cluster.must(["set", "env", "deployment/web", "VERSION=new"]);
    await cluster.must(["rollout", "status", "deployment/web", "--timeout=80s"]);
    await eventually("the old pods are gone", 30_000, async () => {
      const names = await cluster.must(["get", "pods", "-l", "app=web", "-o", "name"]);
      return names.trim().split("\n").length === 2 ? true : undefined;
    });
    writeFileSync(stopFile, "");
    await cluster.must(["exec", "load", "--", "touch", "/tmp/stop"]);
    const [inside, outside] = (await loads).map(tallyOf);

    expect([inside?.failures, outside?.failures]).toEqual([{}, {}]);
    // The update happened while the load ran, and the load was what it should be.
    for (const tally of [inside, outside]) expect(Object.keys(tally?.answers ?? {}).sort()).toEqual(["new", "old"]);
    const perSecond = [inside, outside].map((tally) => Math.round((tally?.sent ?? 0) / (tally?.seconds ?? 1)));
    expect(perSecond[0]).toBeGreaterThan(380);
    expect(perSecond[1]).toBeGreaterThan(95);
  }, 240_000);
});
