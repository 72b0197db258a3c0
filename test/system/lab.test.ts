// The lab: one control-plane machine and three workers on this computer, each a network namespace with its own engine. On it
// demos are played, each for one challenge of a cluster.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { systemClock } from "@coxswain/clock";
import { createLab, labDirectory } from "@coxswain/lab";
import type { Lab } from "@coxswain/lab";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { layoutOf } from "../../scripts/cluster/layout.ts";
import { eventually, run, script, startCluster } from "./cluster.ts";
import type { TestCluster } from "./cluster.ts";
import { demos } from "./demos/index.ts";
import { perform } from "./demos/stage.ts";
import { newestReport, startDrill } from "./drill.ts";

let cluster: TestCluster;
let lab: Lab;
beforeAll(async () => {
  cluster = await startCluster(["--workers", "3", "--profile", "fast"]);
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

  it("leads the control-plane machine to pods, as its API server needs it for webhooks", async () => {
    const addresses = await cluster.must(["-n", "demo", "get", "pods", "-o", "jsonpath={.items[*].status.podIP}"]);
    const master = (await lab.machines()).find(({ name }) => name === "m1");
    for (const address of addresses.trim().split(" ")) {
      const asked = master?.spawn("curl", ["-sS", `http://${address}:8080/`], { stdio: ["ignore", "pipe", "inherit"] });
      expect(asked?.stdout && (await text(asked.stdout))).toContain("Ahoy from pod");
    }
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

/** These need nothing but the lab as it is, and not all of it: they are played side by side. */
const besideOthers = [
  "load-balancing",
  "container-provisioning",
  "virtual-network",
  "correlated-processes",
  "routing",
  "horizontal-scaling",
  "container-monitoring",
] as const;

/** Plays a demo; answers what it told. */
async function told(name: keyof typeof demos, mayCutPower = false): Promise<readonly string[]> {
  const said: string[] = [];
  const forbidden = (): Promise<void> => Promise.reject(new Error("this demo is not given the switch"));
  const machine = "m4";
  const power = mayCutPower
    ? { machine, off: () => lab.off(machine), on: () => lab.on(machine) }
    : { machine, off: forbidden, on: forbidden };
  await perform(demos[name], { cluster, lab, namespace: name, power, say: (text) => said.push(text) });
  return said;
}

it("a demo of resource-utilization, which fills the machines", async () => {
  expect(await told("resource-utilization")).not.toEqual([]);
}, 240_000);

describe.concurrent("a demo of", () => {
  it.each(besideOthers)(
    "%s",
    async (name) => {
      expect(await told(name)).not.toEqual([]);
    },
    240_000,
  );
});

/** What a drill must find kept also on a machine with other work; its bounds in time are for a quiet one. */
const safety = [
  "the faults were injected",
  "acknowledged API writes are kept, once",
  "watches resume with no gap and no repetition",
  "one active leader",
  "at most one running instance per StatefulSet ordinal",
  "running containers are adopted",
  "exact replica counts",
  "no orphan containers",
  "no over-commitment",
];

describe("a drill", () => {
  it("restarts the engine and the agent of a worker, and finds every promise kept (A135)", async () => {
    const { text } = await startDrill(cluster, ["run", "D-08", "--steady", "1s", "--seed", "7"]).ended;
    const { kept, html } = newestReport(cluster, "D-08");
    expect(
      safety.filter((promise) => !kept.includes(promise)),
      text,
    ).toEqual([]);
    expect(html).toContain("<svg");
  }, 400_000);

  it("that cannot be had says so and is not passed", async () => {
    const { code, text } = await startDrill(cluster, ["run", "D-01", "--steady", "1s"]).ended;
    expect({ code, text }).toMatchObject({ code: 1, text: expect.stringContaining("it takes 3 masters, there are 1") });
  }, 120_000);

  it("whose driver is killed is taken back by abort, and leaves nothing", async () => {
    const powers = async (): Promise<string> => (await script("lab", ["status", "--data-dir", cluster.dataDir])).stdout;
    const driver = startDrill(cluster, ["run", "D-07", "--steady", "1s"]);
    await eventually("the cut", 240_000, async () => ((await powers()).includes("does not reach") ? true : undefined));
    process.kill(driver.pid, "SIGKILL");
    await driver.ended;
    expect(await startDrill(cluster, ["abort"]).ended).toMatchObject({
      code: 0,
      text: expect.not.stringContaining("rror"),
    });
    expect(await powers()).not.toMatch(/does not reach|off|paused/);
    await eventually("ready nodes", 120_000, async () => {
      const rows = (await cluster.must(["get", "nodes", "--no-headers"])).trim().split("\n");
      return rows.length === 3 && rows.every((row) => / Ready /.test(row)) ? true : undefined;
    });
    expect(await cluster.must(["get", "namespaces", "-o", "name"])).not.toContain("drill-");
    expect((await run("ebtables-save", [])).stdout).not.toMatch(/DROP.*cxl/);
  }, 600_000);
});

describe.concurrent("a demo, while a machine loses its power, of", () => {
  it("node-failure, then redistribution", async () => {
    expect(await told("node-failure", true)).not.toEqual([]);
    expect(await told("redistribution", true)).not.toEqual([]);
  }, 400_000);

  it("dynamic-scaling on the other machines", async () => {
    expect(await told("dynamic-scaling")).not.toEqual([]);
  }, 400_000);
});
