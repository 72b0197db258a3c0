// What the controllers promise, asked of the real daemon through kubectl, on nodes that are only objects.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ControlPlane } from "../protocol/control-plane.ts";
import { eventually } from "./cluster.ts";
import { ready, startControllersPlane } from "./controllers-plane.ts";
import type { ControllersPlane } from "./controllers-plane.ts";

let controllers: ControllersPlane;
let plane: ControlPlane;
const within = 60_000;

beforeAll(async () => {
  controllers = await startControllersPlane(["--horizontal-pod-autoscaler-sync-period=1s"]);
  ({ plane } = controllers);
  for (const name of ["n1", "n2"]) await makeNode(name);
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
  });
});

describe("the record", () => {
  it("shows no controller that asked for more than its role allows", () => {
    const refused = controllers.calls
      .filter(({ status }) => status === 401 || status === 403)
      .map(({ user, method, path }) => `${user} ${method} ${path}`);
    expect([...new Set(refused)]).toEqual([]);
    const users = new Set(controllers.calls.map(({ user }) => user));
    expect(users.size).toBeGreaterThan(8);
  });
});
