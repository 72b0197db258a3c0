// The control loops as one process: level-triggered, listed by name, with a queue each, over the API alone, and selected by a flag.
import { strict as assert } from "node:assert";
import { eventually } from "../cluster.ts";
import { deployment, idle, shellContainer } from "../demos/props.ts";
import { apply, inside, kubectl, machine, podsOf, ready } from "../demos/stage.ts";
import type { Demo } from "../demos/stage.ts";
import { apiServer, becomes, commandOf, daemonPids, field, killDaemon, master, page } from "./look.ts";

const manager = "controller-manager";

export const level: Demo = {
  challenge: "killed in the middle of its work, again and again, it comes to the same end",
  async play(stage) {
    const on = await master(stage);
    await apply(stage, deployment("web", 6, [shellContainer(idle)]));
    await ready(stage, "app=web", 6);
    for (let round = 1; round <= 3; round++) {
      await kubectl(stage, ["set", "env", "deployment/web", `ROUND=${round}`]);
      await killDaemon(stage, on, manager);
      await kubectl(stage, ["scale", "deployment/web", `--replicas=${6 + round}`]);
      await killDaemon(stage, on, manager);
    }
    await kubectl(stage, ["rollout", "status", "deployment/web", "--timeout=120s"]);
    const pods = await ready(stage, "app=web", 9);
    // Pods of before may still be on their way out.
    const env = "{.items[*].spec.containers[0].env[0].value}";
    const expected = Array.from(pods, () => "3").join(" ");
    await becomes("their templates", expected, () => field(stage, env, "pods", "-l", "app=web"));
    stage.say("six kills during three rollouts and three changes of size: nine pods of the last template");
  },
};

export const together: Demo = {
  challenge:
    "A081, A082, A083: one process, controllers by name with queues of their own, that talks to the API server alone",
  async play(stage) {
    const on = await master(stage);
    const [pid = "", ...others] = await daemonPids(stage, on, manager);
    assert.deepEqual(others, []);
    const [node = "", ...words] = await commandOf(stage, on, pid);
    const entry = words.findIndex((word) => word.endsWith("/main.ts"));
    const help = await inside(stage, on, node, ...words.slice(0, entry + 1), "--help");
    const names = (/ All:\s+([a-z0-9,\s-]+)/.exec(help)?.[1] ?? "").split(/,\s+/).map((name) => name.trim());
    assert(names.length >= 35, `--controllers lists ${names.length}: ${names.join()}`);
    const metrics = await page(stage, on, 10_257, "/metrics");
    const queues = new Set([...metrics.matchAll(/^workqueue_adds_total\{name="([^"]+)"\}/gm)].map((match) => match[1]));
    assert(queues.size >= 35, `${queues.size} queues: ${[...queues].join()}`);
    for (const name of [
      "deployment",
      "replicaset",
      "statefulset",
      "daemonset",
      "job",
      "cronjob",
      "endpointslice",
      "namespace",
    ])
      assert(queues.has(name), `no queue ${name}`);
    stage.say(`one process, ${names.length} controllers by name, ${queues.size} queues with metrics`);

    const server = new URL(apiServer(stage.cluster.kubeconfig));
    const sockets = (await inside(stage, on, "ss", "-Htnp", "state", "established")).split("\n");
    const own = sockets.filter((line) => line.includes(`pid=${pid},`)).map((line) => line.trim().split(/\s+/));
    const called = own.filter(([, , from = ""]) => !from.endsWith(":10257")).map(([, , , to = ""]) => to);
    assert(called.length > 0, "it has no connection");
    assert.deepEqual(
      called.filter((to) => to !== `${server.hostname}:${server.port}`),
      [],
    );
    stage.say(`its ${called.length} connections all lead to the API server`);
  },
};

export const selected: Demo = {
  challenge:
    "--controllers=*,-deployment: Deployments are inert, everything else works; who was leader before is harmless",
  async play(stage) {
    const on = await master(stage);
    const [pid = ""] = await daemonPids(stage, on, manager);
    const [node = "", ...words] = await commandOf(stage, on, pid);
    const holder = (): Promise<string> =>
      stage.cluster.must([
        "-n",
        "kube-system",
        "get",
        "lease",
        "kube-controller-manager",
        "-o",
        "jsonpath={.spec.holderIdentity}",
      ]);
    const before = await holder();
    const asleep = stage.cluster.pids()[manager] ?? 0;
    // What stands between us and the machine's program falls asleep with it, and wakes it.
    const wakeUp = (): boolean => process.kill(asleep, "SIGCONT");
    // The leader falls asleep, and another one takes over, which leaves one controller out.
    await inside(stage, on, "kill", "-STOP", pid);
    const flags = words.map((word) => word.replace("--secure-port=10257", "--secure-port=10357"));
    const other = (await machine(stage, on)).spawn(node, [...flags, "--controllers=*,-deployment"], {
      stdio: "ignore",
    });
    const ended = new Promise((resolve) => other.once("close", resolve));
    try {
      await eventually("the other one leads", 60_000, async () => ((await holder()) === before ? undefined : true));
      await apply(stage, deployment("inert", 2, [shellContainer(idle)]), {
        apiVersion: "apps/v1",
        kind: "ReplicaSet",
        metadata: { name: "alive" },
        spec: {
          replicas: 2,
          selector: { matchLabels: { app: "alive" } },
          template: { metadata: { labels: { app: "alive" } }, spec: { containers: [shellContainer(idle)] } },
        },
      });
      await kubectl(stage, ["create", "job", "once", "--image=coxswain/busybox:1", "--", "true"]);
      await ready(stage, "app=alive", 2);
      await kubectl(stage, ["wait", "--for=condition=complete", "job/once", "--timeout=60s"]);
      assert.equal(await field(stage, "{.items[*].metadata.name}", "rs"), "alive");
      assert.equal(await field(stage, "{.status}", "deployment", "inert"), "{}");
      stage.say("a ReplicaSet and a Job work, the Deployment of before has neither ReplicaSet nor status");
      wakeUp();
      await becomes("what the sleeper says of itself", /^leader_election_master_status\{[^}]*\} 0$/m, () =>
        page(stage, on, 10_257, "/metrics"),
      );
      assert.notEqual(await holder(), before);
      assert.equal(await field(stage, "{.items[*].metadata.name}", "rs"), "alive");
      stage.say("the leader of before wakes up, finds that it leads no more, and writes nothing");
    } finally {
      other.kill("SIGTERM");
      wakeUp();
      await ended;
    }
    await becomes("the Deployment's pods", "2", () => field(stage, "{.status.readyReplicas}", "deployment", "inert"));
    assert.equal((await podsOf(stage, "app=inert")).length, 2);
    stage.say("with all controllers again the Deployment has its pods");
  },
};
