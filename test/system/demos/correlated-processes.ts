// Processes that belong together are one pod: on one machine, with one address, one loopback and shared files, in an order that
// can be relied on; they come together and go together. Pods that want to be near each other are put on one machine.
import { strict as assert } from "node:assert";
import { eventually } from "../cluster.ts";
import { get, idle, pod, shellContainer } from "./props.ts";
import { apply, containersOn, kubectl, ready, shell } from "./stage.ts";
import type { Demo } from "./stage.ts";

export const demo: Demo = {
  challenge: "deployment of correlated processes",
  async play(stage) {
    const shared = { volumeMounts: [{ name: "page", mountPath: "/page" }] };
    const team = [
      shellContainer("httpd -p 127.0.0.1:8080 -h /page; " + idle, { name: "server", ...shared }),
      shellContainer(`cp /page/first /page/index.html; ${idle}`, { name: "writer", ...shared }),
    ];
    const before = shellContainer("echo prepared > /page/first", { name: "preparation", ...shared });
    const together = {
      podAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          { labelSelector: { matchLabels: { app: "team" } }, topologyKey: "kubernetes.io/hostname" },
        ],
      },
    };
    await apply(
      stage,
      pod("team", team, { initContainers: [before], volumes: [{ name: "page", emptyDir: {} }] }),
      pod("friend", [shellContainer(idle)], { affinity: together }),
    );
    const [made] = await ready(stage, "app=team", 1);
    const [friend] = await ready(stage, "app=friend", 1);
    const script = get("127.0.0.1", 8080);
    const page = await eventually("the writer has written", 30_000, () =>
      kubectl(stage, ["exec", "team", "-c", "writer", "--", "sh", "-c", script]),
    );
    assert.match(page, /\r\n\r\nprepared\n$/);
    stage.say("one prepared, one wrote, and one serves over the loopback that they share");

    const node = made?.spec.nodeName ?? "";
    assert.equal(friend?.spec.nodeName, node);
    assert.match(await shell(stage, "friend", get(made?.status.podIP ?? "", 8080)), /failed/);
    stage.say(`the pod that wants to be near it is on ${node}, too, and sees nothing of its loopback`);

    assert.deepEqual(await containersOn(stage, node), ["friend", "team", "team"]);
    await kubectl(stage, ["delete", "pod", "team", "--wait=true"]);
    await eventually("both have gone", 30_000, async () =>
      (await containersOn(stage, node)).join() === "friend" ? true : undefined,
    );
    stage.say("they go together");
  },
};
