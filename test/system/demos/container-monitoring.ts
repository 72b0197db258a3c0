// What containers use and how they are is known: usage of processors and memory for each and for the machines, what they say,
// when they fail and why, and a container that hangs is noticed and started again.
import { strict as assert } from "node:assert";
import { eventually } from "../cluster.ts";
import { idle, pod, shellContainer } from "./props.ts";
import { apply, kubectl, podsOf, workers } from "./stage.ts";
import type { Demo } from "./stage.ts";

export const demo: Demo = {
  challenge: "container monitoring",
  async play(stage) {
    const resources = { requests: { cpu: "10m", memory: "8Mi" }, limits: { cpu: "100m" } };
    const hanging = shellContainer(`echo begun; touch /tmp/alive; sleep 2; rm /tmp/alive; ${idle}`, {
      livenessProbe: { exec: { command: ["test", "-e", "/tmp/alive"] }, periodSeconds: 1, failureThreshold: 2 },
    });
    await apply(
      stage,
      pod("busy", [shellContainer("while :; do :; done", { resources })]),
      pod("quiet", [shellContainer(idle)]),
      pod("hanging", [hanging]),
    );
    const usage = await eventually("usage that fits the limit", 90_000, async () => {
      const rows = (await kubectl(stage, ["top", "pods", "--no-headers"])).trim().split("\n");
      const cpu = Object.fromEntries(rows.map((row) => row.split(/\s+/)).map(([name = "", used]) => [name, used]));
      const used = Number(/^(\d+)m$/.exec(cpu["busy"] ?? "")?.[1]);
      return used > 60 && used < 140 && "quiet" in cpu ? cpu : undefined;
    });
    assert(Number.parseInt(usage["quiet"] ?? "", 10) < 40, `quiet uses ${usage["quiet"]}`);
    stage.say(`held to 100m, one uses ${usage["busy"]}, its quiet neighbour ${usage["quiet"]}`);
    const top = await stage.cluster.must(["top", "nodes", "--no-headers"]);
    for (const node of await workers(stage)) assert.match(top, new RegExp(`^${node}\\s+\\d+m\\s+\\d+%\\s+\\d+Mi`, "m"));

    await eventually("the one that hangs is started again", 60_000, async () => {
      const [seen] = await podsOf(stage, "app=hanging");
      return (seen?.status.containerStatuses?.[0]?.restartCount ?? 0) > 0 ? true : undefined;
    });
    const events = await kubectl(stage, ["get", "events", "--field-selector=involvedObject.name=hanging"]);
    assert.match(events, /Unhealthy/);
    assert.match(events, /Killing/);
    assert.equal(await kubectl(stage, ["logs", "hanging", "--previous"]), "begun\n");
    stage.say("one that hung was started again; events say why, and its words are kept");
  },
};
