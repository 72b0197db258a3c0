// Load brings more copies by itself; a copy that fails is started again and one that is not well gets no requests, while the
// others go on answering.
import { strict as assert } from "node:assert";
import { eventually } from "../cluster.ts";
import { asker, deployment, get, onNode, service, shellContainer, webContainer } from "./props.ts";
import { apply, isReady, kubectl, podsOf, ready, shell } from "./stage.ts";
import type { Demo, Stage } from "./stage.ts";

const busy = "while :; do :; done";

export const demo: Demo = {
  challenge: "dynamic scaling, failure and degradation",
  async play(stage) {
    // All of it on one machine, so that it can be seen while another has no power.
    const [node = ""] = (await stage.cluster.must(["get", "nodes", "-o", "jsonpath={.items[*].metadata.name}"]))
      .split(" ")
      .filter((name) => name !== stage.power.machine);
    const here = onNode(node);
    const burning = shellContainer(busy, {
      resources: { requests: { cpu: "20m", memory: "8Mi" }, limits: { cpu: "60m" } },
    });
    const web = webContainer({
      readinessProbe: { exec: { command: ["test", "!", "-e", "/tmp/unwell"] }, periodSeconds: 1, failureThreshold: 1 },
    });
    await apply(
      stage,
      deployment("hot", 1, [burning], here),
      deployment("web", 3, [web], here),
      service("web", { app: "web" }),
      asker("asker", here),
    );
    await kubectl(stage, ["autoscale", "deployment", "hot", "--min=1", "--max=3", "--cpu-percent=100"]);
    const pods = await ready(stage, "app=web", 3);
    await ready(stage, "app=asker", 1);
    const [failing, unwell = ""] = pods.map(({ metadata }) => metadata.name);
    const failingAt = pods[0]?.status.podIP ?? "";

    await kubectl(stage, ["exec", unwell, "--", "touch", "/tmp/unwell"]);
    await eventually("the one that is not well is left alone", 30_000, async () =>
      (await answers(stage, 12)).has(unwell) ? undefined : true,
    );
    stage.say("a copy that says that it is not well gets no requests; the others answer");

    await shell(stage, "asker", get(failingAt, 8080, "/crash"));
    await eventually("the one that failed is well again", 60_000, async () => {
      const again = (await podsOf(stage, "app=web")).find(({ metadata }) => metadata.name === failing);
      const restarts = again?.status.containerStatuses?.[0]?.restartCount ?? 0;
      return again && restarts > 0 && isReady(again) ? true : undefined;
    });
    await kubectl(stage, ["exec", unwell, "--", "rm", "/tmp/unwell"]);
    await ready(stage, "app=web", 3);
    stage.say("a copy that failed runs again in the same pod, and the one that was unwell answers again");

    await eventually("more copies under load", 90_000, async () => {
      const replicas = await kubectl(stage, ["get", "deployment", "hot", "-o", "jsonpath={.spec.replicas}"]);
      return Number(replicas) > 1 ? true : undefined;
    });
    const events = await kubectl(stage, ["get", "events", "--field-selector=reason=SuccessfulRescale"]);
    assert.match(events, /cpu resource utilization \(percentage of request\) above target/);
    stage.say("the copy that computes more than it asked for has got company by itself");
  },
};

/** Who answers; that nobody does is a failure. */
async function answers(stage: Stage, count: number): Promise<ReadonlySet<string>> {
  const script = `for i in $(seq ${count}); do ${get("web")}; done`;
  const text = await shell(stage, "asker", script);
  assert.doesNotMatch(text, /failed/);
  return new Set([...text.matchAll(/pod (\S+) on/g)].map((match) => match[1] ?? ""));
}
