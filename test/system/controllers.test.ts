// What the controllers promise, asked of the real daemon through kubectl, on nodes that are only objects.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ControlPlane } from "../protocol/control-plane.ts";
import { eventually } from "./cluster.ts";
import { duels } from "./controllers-duel.ts";
import { ready, startControllersPlane } from "./controllers-plane.ts";
import type { ControllersPlane } from "./controllers-plane.ts";
import { startMetricsAdapter } from "./metrics-adapter.ts";

let controllers: ControllersPlane;
let plane: ControlPlane;
const within = 90_000;

beforeAll(async () => {
  controllers = await startControllersPlane([
    "--horizontal-pod-autoscaler-sync-period=1s",
    "--node-monitor-grace-period=15s",
    "--node-eviction-rate=10",
  ]);
  ({ plane } = controllers);
  for (const name of ["n1", "n2", "n3"]) await makeNode(name);
});
afterAll(() => controllers?.[Symbol.asyncDispose]());

async function makeNode(name: string): Promise<void> {
  const metadata = { name, labels: { "kubernetes.io/hostname": name } };
  const made = await plane.call("POST", "/api/v1/nodes", { body: { apiVersion: "v1", kind: "Node", metadata } });
  const amounts = { cpu: "4", memory: "8Gi", pods: "110" };
  const conditions = [{ type: "Ready", status: "True", reason: "Hollow", message: "" }];
  await plane.call("PUT", `/api/v1/nodes/${name}/status`, {
    body: { ...made.body, status: { capacity: amounts, allocatable: amounts, conditions } },
  });
  controllers.nodes.add(name);
}

const apply = (object: unknown): Promise<string> => plane.must(["apply", "-f", "-"], JSON.stringify(object));
const read = (...args: readonly string[]): Promise<string> => plane.must(["get", ...args]);
const field = (path: string, ...args: readonly string[]): Promise<string> =>
  plane.must(["get", ...args, "-o", `jsonpath=${path}`]);
const becomes = (what: string, expected: string | RegExp, look: () => Promise<string>): Promise<string> =>
  eventually(`${what} is ${String(expected)}`, within, async () => {
    const found = await look();
    return (typeof expected === "string" ? found === expected : expected.test(found)) ? found : undefined;
  });

const template = (app: string, spec: object = {}) => ({
  metadata: { labels: { app } },
  spec: { containers: [{ name: "main", image: "web", resources: { requests: { cpu: "100m" } } }], ...spec },
});
const deployment = (name: string, replicas: number) => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name },
  spec: { replicas, selector: { matchLabels: { app: name } }, template: template(name) },
});

describe("an autoscaler", () => {
  it("follows kubectl autoscale and shows in kubectl what it sees", async () => {
    await apply(deployment("web", 2));
    await plane.must(["rollout", "status", "deployment/web", "--timeout=60s"]);
    const usage = async (cpu: string): Promise<void> => {
      const names = (await field("{.items[*].metadata.name}", "pods", "-l", "app=web")).split(" ");
      const items = names.map((name) => ({
        metadata: { name, namespace: "default" },
        timestamp: new Date(performance.timeOrigin + performance.now() + 60_000).toISOString(),
        window: "1s",
        containers: [{ name: "main", usage: { cpu, memory: "10Mi" } }],
      }));
      controllers.answers.set("/apis/metrics.k8s.io/v1beta1/namespaces/default/pods", {
        kind: "PodMetricsList",
        apiVersion: "metrics.k8s.io/v1beta1",
        metadata: {},
        items,
      });
    };
    await usage("150m");
    await plane.must(["autoscale", "deployment", "web", "--min=1", "--max=3", "--cpu-percent=100"]);
    await becomes("its size", "3", () => field("{.spec.replicas}", "deployment", "web"));
    await usage("100m");
    await becomes("its line", /cpu: 100%\/100% +1 +3 +3 /, () => read("hpa", "web"));
    const described = await plane.must(["describe", "hpa", "web"]);
    expect(described).toMatch(/AbleToScale +True +ReadyForNewScale/);
    expect(described).toMatch(/ScalingActive +True +ValidMetricFound/);
    expect(described).toMatch(
      /SuccessfulRescale +.*New size: 3; reason: cpu resource utilization \(percentage of request\) above target/,
    );
    await plane.must(["delete", "hpa/web", "deployment/web"]);
  });

  it("asks the servers behind the API what pods, objects and the world outside measure, and says when one is gone", async () => {
    await apply(deployment("busy", 2));
    await plane.must(["rollout", "status", "deployment/busy", "--timeout=60s"]);
    const size = (): Promise<string> => field("{.spec.replicas}", "deployment", "busy");
    const active = (key: "reason" | "message"): Promise<string> =>
      field(`{.status.conditions[?(@.type=="ScalingActive")].${key}}`, "hpa", "busy");
    const names = async (): Promise<readonly string[]> =>
      (await field("{.items[*].metadata.name}", "pods", "-l", "app=busy")).split(" ");
    const requests = async (value: string): Promise<void> =>
      void adapter.values.set("pods/requests", Object.fromEntries((await names()).map((name) => [name, value])));
    const adapter = await startMetricsAdapter(plane);
    await requests("24");
    adapter.values.set("services/front/load", { front: "8" });
    adapter.values.set("queue", { mail: "5", sms: "7" });
    const describedObject = { apiVersion: "v1", kind: "Service", name: "front" };
    await apply({
      apiVersion: "autoscaling/v2",
      kind: "HorizontalPodAutoscaler",
      metadata: { name: "busy" },
      spec: {
        scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "busy" },
        maxReplicas: 9,
        behavior: { scaleUp: { tolerance: "300m" } },
        metrics: [
          {
            type: "Pods",
            pods: { metric: { name: "requests" }, target: { type: "AverageValue", averageValue: "20" } },
          },
          {
            type: "Object",
            object: { metric: { name: "load" }, describedObject, target: { type: "Value", value: "8" } },
          },
          {
            type: "External",
            external: { metric: { name: "queue" }, target: { type: "AverageValue", averageValue: "6" } },
          },
        ],
      },
    });
    // A fifth above its target is within the tolerance that the autoscaler asks for.
    await becomes("its line", / 24\/20, 8\/8 \+ 1 more\.\.\. +1 +9 +2 /, () => read("hpa", "busy"));
    adapter.values.set("queue", { mail: "5", sms: "13" });
    await becomes("its size for the world outside", "3", size);
    adapter.values.set("services/front/load", { front: "16" });
    await becomes("its size for the object", /^[4-9]$/, size);
    expect(await plane.must(["events", "--for=hpa/busy"])).toMatch(
      /New size: \d; reason: Service metric load above target/,
    );
    await adapter[Symbol.asyncDispose]();
    await becomes("the reason", "FailedGetPodsMetric", () => active("reason"));
    await becomes("what is said", /no custom metrics API \(custom\.metrics\.k8s\.io\) registered/, () =>
      active("message"),
    );
    await plane.must(["delete", "hpa/busy", "deployment/busy"]);
  });
});

describe("a Job", () => {
  it("with a back-off for each index ends when the last one has had its chances", async () => {
    controllers.outcome = ({ metadata }) =>
      metadata.labels?.["job-name"] === undefined
        ? ready()
        : {
            phase: metadata.annotations?.["batch.kubernetes.io/job-completion-index"] === "1" ? "Failed" : "Succeeded",
          };
    await apply({
      apiVersion: "batch/v1",
      kind: "Job",
      metadata: { name: "sums" },
      spec: {
        completionMode: "Indexed",
        completions: 4,
        parallelism: 4,
        backoffLimitPerIndex: 0,
        template: template("sums", { restartPolicy: "Never" }),
      },
    });
    await plane.must(["wait", "--for=condition=Failed", "job/sums", "--timeout=60s"]);
    expect(await field("{.status.completedIndexes} {.status.failedIndexes}", "job", "sums")).toBe("0,2,3 1");
    expect(await field('{.status.conditions[?(@.type=="Failed")].reason}', "job", "sums")).toBe("FailedIndexes");
    await plane.must(["delete", "job/sums"]);
    controllers.outcome = ready;
  });
});

describe("a Deployment", () => {
  it("rolls back by itself at its deadline, where it asks for it", async () => {
    const asked = deployment("back", 2);
    const metadata = { ...asked.metadata, annotations: { "coxswain.io/rollback-on-deadline": "true" } };
    await apply({ ...asked, metadata, spec: { ...asked.spec, progressDeadlineSeconds: 60 } });
    await plane.must(["rollout", "status", "deployment/back", "--timeout=60s"]);
    controllers.outcome = () => ({ phase: "Running" }); // never ready
    const containers = [{ name: "main", image: "broken" }];
    const patch = { spec: { progressDeadlineSeconds: 5, template: { spec: { containers } } } };
    await plane.must(["patch", "deployment", "back", "-p", JSON.stringify(patch)]);
    await becomes("its image", "web", () => field("{.spec.template.spec.containers[0].image}", "deployment", "back"));
    controllers.outcome = ready;
    const progress = '{.status.conditions[?(@.type=="Progressing")].reason}';
    await becomes("its progress", "NewReplicaSetAvailable", () => field(progress, "deployment", "back"));
    expect(await plane.must(["describe", "deployment", "back"])).toMatch(
      /DeploymentRollback .*Rolled back to revision 1/,
    );
    await plane.must(["delete", "deployment/back"]);
  });

  it("rolls when a ConfigMap changes that it reads, where it asks for it", async () => {
    await plane.must(["create", "configmap", "settings", "--from-literal=a=1"]);
    const asked = deployment("reader", 1);
    const metadata = { ...asked.metadata, annotations: { "coxswain.io/reload": "true" } };
    const volumes = [{ name: "v", configMap: { name: "settings" } }];
    await apply({ ...asked, metadata, spec: { ...asked.spec, template: template("reader", { volumes }) } });
    await plane.must(["rollout", "status", "deployment/reader", "--timeout=60s"]);
    const [first = ""] = (await read("pods", "-l", "app=reader", "-o", "name")).split("\n");
    const seen = "{.metadata.annotations.coxswain\\.io/config-seen}";
    await becomes("what was seen", /^[0-9a-f]{16}\./, () => field(seen, "deployment", "reader"));
    await plane.must(["patch", "configmap", "settings", "-p", '{"data":{"a":"2"}}']);
    await becomes("the history", /^2 /m, () => plane.must(["rollout", "history", "deployment/reader"]));
    await plane.must(["rollout", "status", "deployment/reader", "--timeout=60s"]);
    await plane.must(["wait", "--for=delete", first, "--timeout=60s"]);
    await plane.must(["delete", "deployment/reader", "configmap/settings"]);
  });
});

describe("a further range of service addresses", () => {
  it("is given out when it is ready, and goes only when its last address has gone", async () => {
    await apply({
      apiVersion: "networking.k8s.io/v1",
      kind: "ServiceCIDR",
      metadata: { name: "more" },
      spec: { cidrs: ["10.200.0.0/24"] },
    });
    await plane.must(["wait", "--for=condition=Ready", "servicecidr/more", "--timeout=60s"]);
    await eventually("an address of it is given out", within, async () => {
      const { code } = await plane.kubectl([
        "create",
        "service",
        "clusterip",
        "far",
        "--clusterip=10.200.0.7",
        "--tcp=80",
      ]);
      return code === 0 ? true : undefined;
    });
    await plane.must(["delete", "servicecidr/more", "--wait=false"]);
    const ready = '{.status.conditions[?(@.type=="Ready")].reason}';
    await becomes("its state", "Terminating", () => field(ready, "servicecidr", "more"));
    await plane.must(["delete", "service/far"]);
    await plane.must(["wait", "--for=delete", "servicecidr/more", "--timeout=60s"]);
  });
});

describe("a StatefulSet", () => {
  it("leaves a node that has fenced itself without a person's word", async () => {
    const annotated = template("db", {
      tolerations: [
        { key: "node.kubernetes.io/unreachable", operator: "Exists", effect: "NoExecute", tolerationSeconds: 1 },
      ],
    });
    const metadata = { ...annotated.metadata, annotations: { "coxswain.io/fencing": "true" } };
    await apply({
      apiVersion: "apps/v1",
      kind: "StatefulSet",
      metadata: { name: "db" },
      spec: {
        replicas: 2,
        serviceName: "db",
        selector: { matchLabels: { app: "db" } },
        template: { ...annotated, metadata },
      },
    });
    await plane.must(["rollout", "status", "statefulset/db", "--timeout=60s"]);
    const where = (): Promise<string> => field("{.spec.nodeName}", "pod", "db-0");
    const node = await where();
    const uid = await field("{.metadata.uid}", "pod", "db-0");
    await plane.must(["annotate", "node", node, "coxswain.io/fence-after-seconds=8"]);
    controllers.nodes.delete(node); // falls silent
    await becomes("its pod", /Terminating/, () => read("pod", "db-0"));
    await becomes("its successor", /^Running$/, async () =>
      (await field("{.metadata.uid}", "pod", "db-0").catch(() => uid)) === uid
        ? ""
        : field("{.status.phase}", "pod", "db-0"),
    );
    expect(await where()).not.toBe(node);
    expect(await plane.must(["events", "--types=Warning"])).toMatch(/FencedPodRemoved .*its agent has ended them/);
    controllers.nodes.add(node);
    await plane.must(["delete", "statefulset/db"]);
  }, 120_000);
});

describe("what people get wrong", () => {
  it("more replicas than a quota allows: what is possible, said once, and few requests", async () => {
    await plane.must(["create", "namespace", "narrow"]);
    await plane.must(["create", "quota", "few", "--hard=pods=3", "-n", "narrow"]);
    await becomes("the quota", "0", () => field("{.status.used.pods}", "quota", "few", "-n", "narrow"));
    const greedy = deployment("greedy", 2_000_000);
    const before = controllers.calls.length;
    await apply({ ...greedy, metadata: { ...greedy.metadata, namespace: "narrow" } });
    await becomes("what runs", "3", () => field("{.status.readyReplicas}", "deployment", "greedy", "-n", "narrow"));
    const failure = '{.status.conditions[?(@.type=="ReplicaFailure")].reason}';
    await becomes("what is said", "FailedCreate", () => field(failure, "deployment", "greedy", "-n", "narrow"));
    const attempts = controllers.calls
      .slice(before)
      .filter(({ method, path }) => method === "POST" && path === "/api/v1/namespaces/narrow/pods");
    expect(attempts.length).toBeLessThan(60);
    const events = (await read("events", "-n", "narrow", "--field-selector=reason=FailedCreate", "-o", "name")).trim();
    expect(events.split("\n").length).toBeLessThan(30);
    await plane.must(["delete", "namespace", "narrow", "--timeout=60s"]);
    const refusals = controllers.calls.filter(
      ({ status, path }) => status === 403 && path.includes("/namespaces/narrow/"),
    );
    expect(refusals.length).toBeGreaterThan(0); // the quota's, which the record below passes over
  });

  it("two sets that want the same pods, and owners in a circle", async () => {
    const set = (name: string) => ({
      apiVersion: "apps/v1",
      kind: "ReplicaSet",
      metadata: { name },
      spec: { replicas: 2, selector: { matchLabels: { app: "shared" } }, template: template("shared") },
    });
    await apply(set("one"));
    await apply(set("two"));
    await becomes("both", "2 2", () => field("{.items[*].status.readyReplicas}", "rs", "one", "two"));
    expect((await read("pods", "-l", "app=shared", "-o", "name")).trim().split("\n")).toHaveLength(4);
    await plane.must(["delete", "rs/one", "rs/two"]);
    await plane.must(["create", "configmap", "ring-a"]);
    await plane.must(["create", "configmap", "ring-b"]);
    const uid = (name: string): Promise<string> => field("{.metadata.uid}", "configmap", name);
    for (const [name, other] of [
      ["ring-a", "ring-b"],
      ["ring-b", "ring-a"],
    ] as const) {
      const owner = {
        apiVersion: "v1",
        kind: "ConfigMap",
        name: other,
        uid: await uid(other),
        blockOwnerDeletion: true,
      };
      const patch = { metadata: { ownerReferences: [owner] } };
      await plane.must(["patch", "configmap", name, "--type=merge", "-p", JSON.stringify(patch)]);
    }
    await plane.must(["delete", "configmap", "ring-a", "--cascade=foreground", "--timeout=60s"]);
    await plane.must(["wait", "--for=delete", "configmap/ring-b", "--timeout=60s"]);
  });

  it("pods that fail as soon as they are made: their successors come ever more slowly, and an event says so", async () => {
    controllers.outcome = ({ metadata }) =>
      metadata.labels?.["app"] === "hopeless" ? { phase: "Failed", reason: "UnexpectedAdmissionError" } : ready();
    await apply(deployment("hopeless", 2));
    await becomes("what is said", /BackOff .*pods failed soon after they were made: the next follow after 2 s/, () =>
      plane.must(["events", "--types=Warning"]),
    );
    controllers.outcome = ready;
    await plane.must(["rollout", "status", "deployment/hopeless", "--timeout=60s"]);
    await plane.must(["delete", "deployment/hopeless"]);
  });

  it("a rollout that somebody edits by hand ends as the Deployment says, also over a restart", async () => {
    await apply(deployment("edited", 3));
    await plane.must(["rollout", "status", "deployment/edited", "--timeout=60s"]);
    await plane.must(["set", "image", "deployment/edited", "main=next"]);
    await plane.must(["scale", "rs", "-l", "app=edited", "--replicas=7"]);
    await controllers.restart();
    await plane.must(["delete", "pods", "-l", "app=edited", "--wait=false"]);
    await plane.must(["rollout", "status", "deployment/edited", "--timeout=150s"]);
    await becomes("its pods", "next next next", () =>
      field(
        "{.items[*].spec.containers[0].image}",
        "pods",
        "-l",
        "app=edited",
        "--field-selector=status.phase=Running",
      ),
    );
    await plane.must(["delete", "deployment/edited"]);
  });

  it("a time zone that does not exist, past the API's own look", async () => {
    const job = { spec: { template: template("never", { restartPolicy: "Never" }) } };
    const made = await plane.kubectl(
      ["apply", "-f", "-"],
      JSON.stringify({
        apiVersion: "batch/v1",
        kind: "CronJob",
        metadata: { name: "never" },
        spec: { schedule: "* * * * *", timeZone: "Mars/Olympus", jobTemplate: job },
      }),
    );
    if (made.code === 0) {
      await becomes("what is said", /UnknownTimeZone/, () => plane.must(["events", "--for=cronjob/never"]));
      await plane.must(["delete", "cronjob/never"]);
    } else expect(made.stderr).toMatch(/spec\.timeZone: Invalid value: "Mars\/Olympus"/);
  });
});

describe("every other controller", () => {
  it("does its everyday work", async () => {
    const meta = (name: string) => ({ name, labels: { app: name } });
    const spec = (name: string) => ({ selector: { matchLabels: { app: name } }, template: template(name) });
    await apply({ apiVersion: "apps/v1", kind: "DaemonSet", metadata: meta("agents"), spec: spec("agents") });
    await apply({
      apiVersion: "v1",
      kind: "ReplicationController",
      metadata: meta("old"),
      spec: { replicas: 1, selector: { app: "old" }, template: template("old") },
    });
    await plane.must(["create", "pdb", "keep", "--selector=app=agents", "--min-available=1"]);
    await plane.must(["expose", "rc", "old", "--port=80", "--name=old"]);
    await plane.must(["rollout", "status", "daemonset/agents", "--timeout=60s"]);
    await becomes("the budget", "3 2", () =>
      field("{.status.currentHealthy} {.status.disruptionsAllowed}", "pdb", "keep"),
    );
    await becomes("the slice", "10.244.0.9", () =>
      field("{.items[*].endpoints[*].addresses[*]}", "endpointslices", "-l", "kubernetes.io/service-name=old"),
    );
    await becomes("the endpoints", "10.244.0.9", () => field("{.subsets[*].addresses[*].ip}", "endpoints", "old"));
    await becomes("the node's part", /^10\.244\.\d+\.0\/24$/, () => field("{.spec.podCIDR}", "node", "n1"));
    await becomes("the nodes' memory", "0", () =>
      field("{.metadata.annotations.node\\.alpha\\.kubernetes\\.io/ttl}", "node", "n1"),
    );
    controllers.outcome = () => ({ phase: "Succeeded" });
    await plane.must(["create", "cronjob", "tick", "--image=web", "--schedule=0 0 1 1 *"]);
    await plane.must(["create", "job", "tock", "--from=cronjob/tick"]);
    await plane.must(["patch", "job", "tock", "-p", '{"spec":{"ttlSecondsAfterFinished":1}}']);
    await plane.must(["wait", "--for=delete", "job/tock", "--timeout=60s"]);
    controllers.outcome = ready;
    await plane
      .must(["create", "clusterrole", "sum", "--verb=get", "--resource=pods", "--aggregation-rule=x=y"])
      .catch(() => plane.must(["create", "clusterrole", "sum", "--aggregation-rule=x=y"]));
    await plane.must(["create", "clusterrole", "part", "--verb=get", "--resource=pods"]);
    await plane.must(["label", "clusterrole", "part", "x=y"]);
    await becomes("the sum", "pods", () => field("{.rules[*].resources[*]}", "clusterrole", "sum"));
    await apply({
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: { name: "disk" },
      spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Mi" } }, storageClassName: "none" },
    });
    await apply({
      apiVersion: "v1",
      kind: "PersistentVolume",
      metadata: { name: "disk" },
      spec: {
        capacity: { storage: "1Mi" },
        accessModes: ["ReadWriteOnce"],
        storageClassName: "none",
        hostPath: { path: "/srv/disk" },
      },
    });
    await becomes("the claim", "Bound", () => field("{.status.phase}", "pvc", "disk"));
    await plane.must(["delete", "pvc/disk", "pv/disk", "--timeout=60s"]);
    await plane.must(["delete", "ds/agents", "rc/old", "svc/old", "pdb/keep", "cronjob/tick", "--timeout=60s"]);
    await eventually("no pod is left", within, async () =>
      (await read("pods", "-l", "app in (agents,old)", "-o", "name")) === "" ? true : undefined,
    );
  });
});

describe("two controller managers", () => duels(() => controllers));

describe("the record", () => {
  it("shows no controller that asked for more than its role allows", () => {
    const refused = controllers.calls
      .filter(({ status, path }) => status === 401 || (status === 403 && !path.includes("/namespaces/narrow/")))
      .map(({ user, method, path }) => `${user} ${method} ${path}`);
    expect([...new Set(refused)]).toEqual([]);
    const users = new Set(controllers.calls.map(({ user }) => user));
    expect(users.size).toBeGreaterThan(20);
  });
});
