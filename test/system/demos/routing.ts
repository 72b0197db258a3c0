// Requests reach the containers that are meant: by a service's name, its port's name and the labels of today. A pod that gets
// other labels gets other requests, without a restart; from outside a port of any machine leads to the same.
import { strict as assert } from "node:assert";
import { eventually } from "../cluster.ts";
import { asker, deployment, get, service, webContainer } from "./props.ts";
import { apply, kubectl, machine, ready, shell, workers } from "./stage.ts";
import type { Demo, Stage } from "./stage.ts";

export const demo: Demo = {
  challenge: "routing to the right container",
  async play(stage) {
    const named = (name: string, port: number): object => {
      const env = [
        { name: "POD_NAME", value: name },
        { name: "PORT", value: String(port) },
      ];
      return webContainer({ env, ports: [{ name: "http", containerPort: port }] });
    };
    const ports = [{ name: "web", port: 80, targetPort: "http" }];
    await apply(
      stage,
      deployment("red", 2, [named("red", 8081)]),
      deployment("blue", 2, [named("blue", 8082)]),
      service("red", { app: "red" }, { ports }),
      service("blue", { app: "blue" }, { ports, type: "NodePort" }),
      service("chosen", { chosen: "yes" }, { ports }),
      asker("asker"),
    );
    await ready(stage, "app=red", 2);
    const [blue] = await ready(stage, "app=blue", 2);
    await ready(stage, "app=asker", 1);
    for (const colour of ["red", "blue"]) await eventually(colour, 30_000, () => only(stage, colour, colour));
    stage.say("two services, two ports of one name: each reaches its own, whatever the container's port is");

    await kubectl(stage, ["label", "pod", blue?.metadata.name ?? "", "chosen=yes"]);
    await eventually("the chosen one answers", 30_000, () => only(stage, "chosen", "blue"));
    stage.say("a label leads another service's requests to a pod that runs");

    const port = await kubectl(stage, ["get", "service", "blue", "-o", "jsonpath={.spec.ports[0].nodePort}"]);
    for (const node of await workers(stage)) {
      const { address } = await machine(stage, node);
      const answer = await eventually(`${node} answers`, 30_000, async () =>
        (await fetch(`http://${address}:${port}/`, { signal: AbortSignal.timeout(5000) })).text(),
      );
      assert.match(answer, /from pod blue on/);
    }
    stage.say(`from outside, port ${port} of every machine leads to blue`);
  },
};

/** Whether ten requests to a service are all answered by one kind of pod. */
async function only(stage: Stage, name: string, colour: string): Promise<true | undefined> {
  const text = await shell(stage, "asker", `for i in $(seq 10); do ${get(name)}; done`);
  return text.match(new RegExp(`from pod ${colour} on`, "g"))?.length === 10 ? true : undefined;
}
