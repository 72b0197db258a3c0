// Machines that are lost: after the grace period their nodes are not ready, their pods leave after the time that they tolerate, zone by zone
// no faster than allowed, and run elsewhere. A machine that comes back under its name is a node again, with its daemons' pods.
import { strict as assert } from "node:assert";
import { eventually } from "../cluster.ts";
import { deployment, idle, shellContainer } from "../demos/props.ts";
import { apply, isReady, podsOf, ready, workers } from "../demos/stage.ts";
import type { Demo, Stage } from "../demos/stage.ts";
import { becomes, events, field } from "./look.ts";

const tolerated = 4;
const patient = {
  tolerations: ["not-ready", "unreachable"].map((state) => ({
    ...{ key: `node.kubernetes.io/${state}`, operator: "Exists", effect: "NoExecute" },
    tolerationSeconds: tolerated,
  })),
};
const labels = (app: string) => ({ selector: { matchLabels: { app } }, metadata: { labels: { app } } });

export const lost: Demo = {
  challenge: "A006, A085, A086, A088: a machine is lost; its replicas return on others; it comes back as a new node",
  async play(stage) {
    const { power, say, cluster } = stage;
    const names = await workers(stage);
    const { selector, metadata } = labels("everywhere");
    const spec = { terminationGracePeriodSeconds: 1, containers: [shellContainer(idle)] };
    await apply(
      stage,
      deployment("web", 6, [shellContainer(idle)], patient),
      {
        apiVersion: "apps/v1",
        kind: "DaemonSet",
        metadata: { name: "everywhere" },
        spec: { selector, template: { metadata, spec } },
      },
      {
        apiVersion: "v1",
        kind: "ReplicationController",
        metadata: { name: "single" },
        spec: {
          replicas: 1,
          selector: { app: "single" },
          template: {
            metadata: { labels: { app: "single" } },
            spec: { ...spec, ...patient, nodeSelector: { "kubernetes.io/hostname": power.machine } },
          },
        },
      },
    );
    const before = await ready(stage, "app=web", 6);
    await ready(stage, "app=everywhere", names.length);
    const [single] = await ready(stage, "app=single", 1);
    const gone = before.filter(({ spec: at }) => at.nodeName === power.machine).map((pod) => pod.metadata.name);
    assert(gone.length > 0, `no pod of web runs on ${power.machine}`);
    // Its successor may run anywhere.
    await cluster.must([
      ...["-n", stage.namespace, "patch", "rc", "single", "--type=json"],
      ...["-p", '[{"op":"remove","path":"/spec/template/spec/nodeSelector"}]'],
    ]);

    await power.off();
    const silent = performance.now();
    await becomes("its Ready condition", "Unknown NodeStatusUnknown", () => readiness(stage, power.machine));
    const known = performance.now();
    await becomes("its taints", /unreachable:NoSchedule.*unreachable:NoExecute/, () => taints(stage, power.machine));
    await becomes("its events", /NodeNotReady .*status is now: NodeNotReady/, () =>
      cluster.must(["events", "-n", "default", `--for=node/${power.machine}`]),
    );
    const tainted = performance.now();
    const terminating = "{range .items[?(@.metadata.deletionTimestamp)]}{.metadata.name} {end}";
    await eventually("its pods are told to leave", 60_000, async () => {
      const leaving = (await field(stage, terminating, "pods", "-l", "app=web")).trim().split(" ");
      return gone.every((name) => leaving.includes(name)) ? true : undefined;
    });
    const told = performance.now();
    assert(
      told - known > (tolerated - 1.5) * 1000,
      `told to leave ${told - known} ms after the node was known to be lost`,
    );
    await eventually("six ready pods elsewhere", 90_000, async () => {
      const elsewhere = (await podsOf(stage, "app=web")).filter(
        (pod) => isReady(pod) && pod.spec.nodeName !== power.machine,
      );
      return elsewhere.length === 6 ? true : undefined;
    });
    const moved = performance.now();
    say(
      `${power.machine} lost its power: known after ${s(silent, known)} s, tainted ${s(known, tainted)} s later, ` +
        `its ${gone.length} pods told to leave ${s(known, told)} s after that was known (they tolerate ${tolerated} s), all six run elsewhere after ${s(silent, moved)} s`,
    );
    await becomes("the events of a pod that left", /TaintManagerEviction .*Marking for deletion Pod/, () =>
      events(stage, `pod/${gone[0]}`),
    );
    const [successor] = await eventually("the ReplicationController's one pod elsewhere", 60_000, async () => {
      const here = (await podsOf(stage, "app=single")).filter(
        (pod) => isReady(pod) && pod.spec.nodeName !== power.machine,
      );
      return here.length === 1 ? here : undefined;
    });
    assert.notEqual(successor?.metadata.name, single?.metadata.name);
    say("a ReplicationController of one has its one again");

    await cluster.must(["delete", "node", power.machine]);
    await eventually("the lost pods are collected", 120_000, async () => {
      const left = await podsOf(stage, "app");
      return left.every((pod) => pod.spec.nodeName !== power.machine) ? true : undefined;
    });
    say("its node is deleted: no pod says any more that it is there");
    await power.on();
    await becomes("its Ready condition", /^True /, () => readiness(stage, power.machine));
    await ready(
      stage,
      "app=everywhere",
      names.length,
      (pods) => new Set(pods.map((pod) => pod.spec.nodeName)).size === names.length,
    );
    say(`${power.machine} has power and is a new node: the DaemonSet's pod is there, too`);
  },
};

export const zones: Demo = {
  challenge: "while every machine is down nobody is evicted, and with power the same pods run again",
  async play(stage) {
    const names = await workers(stage);
    await apply(stage, deployment("web", 3, [shellContainer(idle)], patient));
    const before = await ready(stage, "app=web", 3);
    for (const name of names) await stage.lab.off(name);
    for (const name of names) await becomes(`the Ready condition of ${name}`, /^Unknown/, () => readiness(stage, name));
    stage.say("all three machines have no power");
    // Longer than a node waits and a pod tolerates: what would happen has happened.
    await new Promise((resolve) => setTimeout(resolve, (tolerated + 11) * 1000));
    for (const name of names) assert.doesNotMatch(await taints(stage, name), /NoExecute/);
    const leaving = (await podsOf(stage, "app=web")).filter((pod) => pod.metadata.deletionTimestamp !== undefined);
    assert.deepEqual(leaving, []);
    stage.say("and nobody is evicted");
    // At once: as soon as most are there, a machine that is still without power is a lost one.
    await Promise.all(names.map((name) => stage.lab.on(name)));
    for (const name of names) await becomes(`the Ready condition of ${name}`, /^True /, () => readiness(stage, name));
    const after = await ready(stage, "app=web", 3);
    assert.deepEqual(uids(after), uids(before));
    stage.say("with power, the same pods run again");
  },
};

const uids = (pods: readonly { readonly metadata: { readonly name: string } }[]): readonly string[] =>
  pods.map(({ metadata }) => metadata.name).sort();

const readiness = (stage: Stage, node: string): Promise<string> =>
  field(
    stage,
    '{.status.conditions[?(@.type=="Ready")].status} {.status.conditions[?(@.type=="Ready")].reason}',
    "node",
    node,
  );
const taints = (stage: Stage, node: string): Promise<string> =>
  field(stage, "{range .spec.taints[*]}{.key}:{.effect} {end}", "node", node);
const s = (from: number, to: number): string => ((to - from) / 1000).toFixed(1);
