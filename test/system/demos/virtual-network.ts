// Every pod has an address of its own that all others reach as it is, on the same machine and on another; nothing between pods
// is translated. What leaves the cluster carries the machine's address.
import { strict as assert } from "node:assert";
import { once } from "node:events";
import { createServer } from "node:http";
import { asker, get, onNode, pod, webContainer } from "./props.ts";
import { apply, inside, machine, ready, shell, workers } from "./stage.ts";
import type { Demo } from "./stage.ts";

/** Answers with the address that it sees the question come from. */
const mirror = 'require("http").createServer((q, a) => a.end(q.socket.remoteAddress)).listen(8080, "0.0.0.0")';

export const demo: Demo = {
  challenge: "a virtual network within and across nodes",
  async play(stage) {
    const [here = "", there = ""] = await workers(stage);
    const container = webContainer({
      command: ["node", "-e", mirror],
      readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 },
    });
    await apply(
      stage,
      pod("near", [container], onNode(here)),
      pod("far", [container], onNode(there)),
      asker("asker", onNode(here)),
    );
    const address = async (name: string): Promise<string> =>
      (await ready(stage, `app=${name}`, 1))[0]?.status.podIP ?? "";
    const [near, far, own] = await Promise.all(["near", "far", "asker"].map(address));

    const ask = async (host: string | undefined, port = 8080): Promise<string> =>
      (await shell(stage, "asker", get(host ?? "", port))).split("\r\n\r\n")[1] ?? "no answer";
    assert.equal(await ask(near), own);
    assert.equal(await ask(far), own);
    stage.say(`a pod is seen as itself (${own}) by its neighbour on ${here} and by one on ${there}`);

    const node = await machine(stage, there);
    assert.match(
      await inside(stage, there, "wget", "-q", "-T", "5", "-O", "-", `http://${near}:8080/`),
      /^\d+\.\d+\.\d+\.\d+$/,
    );
    stage.say(`the machine ${there} itself reaches a pod of ${here}`);

    // The computer that the lab is on stands for the world outside.
    const world = createServer((request, answer) => answer.end(request.socket.remoteAddress?.replace(/^::ffff:/, "")));
    await once(world.listen(0), "listening");
    try {
      const bound = world.address();
      const port = typeof bound === "object" ? (bound?.port ?? 0) : 0;
      const gateway = node.address.replace(/\d+$/, "1");
      assert.equal(await ask(gateway, port), (await machine(stage, here)).address);
      stage.say("the world outside sees the machine's address");
    } finally {
      world.close();
    }
  },
};
