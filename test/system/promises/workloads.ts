// What keeps pods: Deployments through all they can do, DaemonSets, ReplicaSets' likenesses, StatefulSets with their volumes.
import { strict as assert } from "node:assert";
import { eventually } from "../cluster.ts";
import { deployment, idle, shellContainer, webContainer } from "../demos/props.ts";
import { apply, kubectl, podsOf, ready, shell, workers } from "../demos/stage.ts";
import type { Demo, Stage } from "../demos/stage.ts";
import { becomes, events, field, follow } from "./look.ts";

export const rollouts: Demo = {
  challenge: "a Deployment rolls, pauses, is undone, keeps its history, misses its deadline, recreates",
  async play(stage) {
    const { say } = stage;
    const rollout = (...words: readonly string[]): Promise<string> => kubectl(stage, ["rollout", ...words]);
    const settled = (): Promise<string> => rollout("status", "deployment/web", "--timeout=120s");
    const version = (value: string): Promise<string> =>
      kubectl(stage, ["set", "env", "deployment/web", `VERSION=${value}`]);
    const versions = (): Promise<string> =>
      field(stage, '{.items[*].spec.containers[0].env[?(@.name=="VERSION")].value}', "pods", "-l", "app=web");
    await apply(stage, deployment("web", 4, [webContainer()]));
    await settled();

    await version("2");
    const fewest = await fewestAvailable(stage, settled());
    assert(fewest >= 3, `only ${fewest} of 4 were available during the rollout`);
    await becomes("the pods", "2 2 2 2", versions);
    say(`a rolling update of four: never fewer than ${fewest} available`);

    await rollout("pause", "deployment/web");
    await version("3");
    await becomes("its progress", "DeploymentPaused", () => progress(stage));
    assert.equal(await versions(), "2 2 2 2");
    await rollout("resume", "deployment/web");
    await settled();
    await becomes("the pods", "3 3 3 3", versions);
    say("paused it keeps its pods, resumed it goes on");

    assert.match(await rollout("history", "deployment/web"), /^1 .*\n2 .*\n3 /m);
    await rollout("undo", "deployment/web", "--to-revision=2");
    await settled();
    await becomes("the pods", "2 2 2 2", versions);
    assert.match(await rollout("history", "deployment/web"), /^1 .*\n3 .*\n4 /m);
    say("undone to revision 2, which is revision 4 now");

    const failing = {
      spec: {
        progressDeadlineSeconds: 5,
        template: { spec: { containers: [{ name: "web", image: "coxswain/none:1" }] } },
      },
    };
    await kubectl(stage, ["patch", "deployment", "web", "-p", JSON.stringify(failing)]);
    await becomes("its progress", "ProgressDeadlineExceeded", () => progress(stage));
    assert.match(
      (await stage.cluster.kubectl(["-n", stage.namespace, "rollout", "status", "deployment/web"])).stderr,
      /exceeded its progress deadline/,
    );
    assert.equal(await field(stage, "{.status.availableReplicas}", "deployment", "web"), "3");
    await rollout("undo", "deployment/web");
    await settled();
    say("a template that cannot run misses its deadline with three of four still available, and is undone");

    await kubectl(stage, [
      "patch",
      "deployment",
      "web",
      "-p",
      '{"spec":{"strategy":{"$retainKeys":["type"],"type":"Recreate"}}}',
    ]);
    const old = new Set((await podsOf(stage, "app=web")).map(({ metadata }) => metadata.name));
    await version("5");
    await eventually("old and new never together", 90_000, async () => {
      const pods = (await podsOf(stage, "app=web")).filter(({ status }) => status.phase === "Running");
      const ofOld = pods.filter(({ metadata }) => old.has(metadata.name)).length;
      assert(ofOld === 0 || ofOld === pods.length, "old and new pods run together");
      return ofOld === 0 && pods.length === 4 ? true : undefined;
    });
    await settled();
    say("recreated: all old pods ended before the first new one began");
    assert.match(
      await kubectl(stage, ["describe", "deployment", "web"]),
      /ScalingReplicaSet .*Scaled (up|down) replica set web-\S+ from \d+ to \d+/,
    );
  },
};

const progress = (stage: Stage): Promise<string> =>
  field(stage, '{.status.conditions[?(@.type=="Progressing")].reason}', "deployment", "web");

async function fewestAvailable(stage: Stage, until: Promise<unknown>): Promise<number> {
  let [fewest, over] = [Number.POSITIVE_INFINITY, false];
  const ending = until.finally(() => (over = true));
  while (!over)
    fewest = Math.min(fewest, Number(await field(stage, "{.status.availableReplicas}", "deployment", "web")));
  await ending;
  return fewest;
}

export const everywhere: Demo = {
  challenge: "a DaemonSet: one pod for each matching node, also a later one, rolled node by node",
  async play(stage) {
    const nodes = await workers(stage);
    const [first = "", ...rest] = nodes;
    const mark = `promise-${stage.namespace.toLowerCase()}`;
    for (const node of rest) await stage.cluster.must(["label", "node", node, `${mark}=yes`]);
    try {
      const labels = { app: "agents" };
      const spec = {
        terminationGracePeriodSeconds: 1,
        nodeSelector: { [mark]: "yes" },
        containers: [shellContainer(idle)],
      };
      await apply(stage, {
        apiVersion: "apps/v1",
        kind: "DaemonSet",
        metadata: { name: "agents" },
        spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
      });
      const where = (count: number): Promise<string> =>
        ready(stage, "app=agents", count).then((pods) =>
          pods
            .map((pod) => pod.spec.nodeName ?? "")
            .sort()
            .join(" "),
        );
      assert.equal(await where(rest.length), rest.join(" "));
      await stage.cluster.must(["label", "node", first, `${mark}=yes`]);
      assert.equal(await where(nodes.length), nodes.join(" "));
      await kubectl(stage, ["set", "env", "daemonset/agents", "VERSION=2"]);
      await kubectl(stage, ["rollout", "status", "daemonset/agents", "--timeout=120s"]);
      assert.equal(await where(nodes.length), nodes.join(" "));
      await stage.cluster.must(["label", "node", first, `${mark}-`]);
      assert.equal(await where(rest.length), rest.join(" "));
      stage.say("one on each node with the label, on one more when that gets it, rolled, and gone with the label");
    } finally {
      for (const node of nodes) await stage.cluster.kubectl(["label", "node", node, `${mark}-`]);
    }
  },
};

export const alike: Demo = {
  challenge: "A092, A093: pods are the unit: N alike, and one that is deleted is replaced within 500 ms",
  async play(stage) {
    await apply(stage, deployment("web", 3, [webContainer()]));
    const pods = await ready(stage, "app=web", 3);
    const specs = await Promise.all(
      pods.map(async ({ metadata }) => {
        const { spec } = JSON.parse(await kubectl(stage, ["get", "pod", metadata.name, "-o", "json"])) as {
          spec: Record<string, unknown>;
        };
        const { nodeName: _node, volumes: _tokens, containers, ...more } = spec;
        // The token's volume has a name of its own in each pod.
        return JSON.stringify({ ...more, containers }).replaceAll(/kube-api-access-\w+/g, "kube-api-access");
      }),
    );
    assert.equal(new Set(specs).size, 1);
    await using shown = await follow(stage, "{.metadata.name} {.metadata.deletionTimestamp}", "pods", "-l", "app=web");
    const seen = new Set(pods.map(({ metadata }) => metadata.name));
    const took: number[] = [];
    for (let turn = 0; turn < 10; turn++) {
      const [victim] = await ready(stage, "app=web", 3);
      const name = victim?.metadata.name ?? "";
      for (const pod of await podsOf(stage, "app=web")) seen.add(pod.metadata.name);
      await kubectl(stage, ["delete", "pod", name, "--wait=false"]);
      const deleted = await shown.line(`${name} is terminating`, (text) => new RegExp(`^${name} \\d`).test(text));
      const next = await shown.line("a new pod", (text) => !seen.has(text.split(" ")[0] ?? ""), deleted.at);
      took.push(next.at - deleted.at);
    }
    const longest = Math.max(...took);
    assert(longest < 500, `a replacement took ${longest.toFixed(0)} ms`);
    stage.say(
      `three alike; ten replaced one after the other, the slowest ${longest.toFixed(0)} ms after its deletion was seen`,
    );
  },
};

export const stateful: Demo = {
  challenge: "a StatefulSet: in order, with names and volumes that stay",
  async play(stage) {
    const labels = { app: "db" };
    const container = shellContainer(`[ -e /data/born ] || hostname > /data/born; ${idle}`, {
      volumeMounts: [{ name: "data", mountPath: "/data" }],
      readinessProbe: { exec: { command: ["test", "-s", "/data/born"] }, periodSeconds: 1 },
    });
    await apply(
      stage,
      { apiVersion: "v1", kind: "Service", metadata: { name: "db" }, spec: { clusterIP: "None", selector: labels } },
      {
        apiVersion: "apps/v1",
        kind: "StatefulSet",
        metadata: { name: "db" },
        spec: {
          replicas: 3,
          serviceName: "db",
          selector: { matchLabels: labels },
          template: { metadata: { labels }, spec: { terminationGracePeriodSeconds: 1, containers: [container] } },
          volumeClaimTemplates: [
            {
              metadata: { name: "data" },
              spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Mi" } } },
            },
          ],
        },
      },
    );
    const inOrder = async (): Promise<void> => {
      const pods = [...(await ready(stage, "app=db", 3))].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
      assert.deepEqual(
        pods.map(({ metadata }) => metadata.name),
        ["db-0", "db-1", "db-2"],
      );
      for (const { metadata } of pods)
        assert.equal((await shell(stage, metadata.name, "cat /data/born")).trim(), metadata.name);
    };
    await inOrder();
    const starts = (
      await field(
        stage,
        "{range .items[*]}{.metadata.creationTimestamp}={.metadata.name} {end}",
        "pods",
        "-l",
        "app=db",
      )
    )
      .trim()
      .split(" ");
    assert.deepEqual([...starts].sort(), starts, "a later ordinal was made earlier");
    const claims = (): Promise<string> =>
      field(stage, "{range .items[*]}{.metadata.name}={.spec.volumeName} {end}", "pvc");
    const before = await claims();
    await kubectl(stage, ["delete", "pod", "db-1", "--timeout=60s"]);
    await inOrder();
    await kubectl(stage, ["scale", "statefulset/db", "--replicas=1"]);
    await ready(stage, "app=db", 1);
    await kubectl(stage, ["scale", "statefulset/db", "--replicas=3"]);
    await inOrder();
    assert.equal(await claims(), before);
    assert.match(
      await events(stage, "statefulset/db"),
      /SuccessfulCreate .*create Claim data-db-0 Pod db-0 in StatefulSet db success/,
    );
    stage.say("three in order; deleted, and scaled to one and back, each has its name and what it had written");
  },
};
