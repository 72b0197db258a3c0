// As many copies as one asks for: more of them, on all machines, each with its share of the requests; fewer, and the engines
// have no more than is wanted. The address in front stays the same.
import { strict as assert } from "node:assert";
import { eventually } from "../cluster.ts";
import { asker, deployment, get, service, webContainer } from "./props.ts";
import { apply, containersOn, kubectl, ready, shell, workers } from "./stage.ts";
import type { Demo, Stage } from "./stage.ts";

export const demo: Demo = {
  challenge: "horizontal scaling",
  async play(stage) {
    const nodes = await workers(stage);
    await apply(stage, deployment("web", 1, [webContainer()]), service("web", { app: "web" }), asker("asker"));
    await ready(stage, "app=asker", 1);
    const address = await clusterIP(stage);
    for (const count of [nodes.length * 2, 1]) {
      await kubectl(stage, ["scale", "deployment", "web", `--replicas=${count}`]);
      const pods = await ready(stage, "app=web", count);
      const names = pods.map(({ metadata }) => metadata.name).sort();
      const script = `for i in $(seq ${count * 10}); do ${get("web")}; done`;
      await eventually(`exactly the ${count} wanted answer`, 60_000, async () => {
        const answers = await shell(stage, "asker", script);
        const seen = [...new Set([...answers.matchAll(/pod (\S+) on/g)].map((match) => match[1] ?? ""))].sort();
        return seen.join() === names.join() ? true : undefined;
      });
      await eventually("the engines have no more than that", 60_000, async () => {
        const found = (await Promise.all(nodes.map((node) => containersOn(stage, node)))).flat();
        return found.filter((name) => name.startsWith("web-")).length === count ? true : undefined;
      });
      assert.equal(await clusterIP(stage), address);
      const machines = new Set(pods.map(({ spec }) => spec.nodeName)).size;
      stage.say(`${count} copies on ${machines} machines, all answer at ${address}`);
    }
  },
};

function clusterIP(stage: Stage): Promise<string> {
  return kubectl(stage, ["get", "service", "web", "-o", "jsonpath={.spec.clusterIP}"]);
}
