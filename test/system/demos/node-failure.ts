// A machine loses its power: the cluster notices. Power comes back: the machine is in order again by itself, and the pods that
// belong to it, one on each machine, run there again.
import { strict as assert } from "node:assert";
import { eventually } from "../cluster.ts";
import { idle, shellContainer } from "./props.ts";
import { apply, isReady, podsOf, workers } from "./stage.ts";
import type { Demo, Stage } from "./stage.ts";

export const demo: Demo = {
  challenge: "node failure detection and restart",
  async play(stage) {
    const { power, say } = stage;
    const labels = { app: "everywhere" };
    const count = (await workers(stage)).length;
    await apply(stage, {
      apiVersion: "apps/v1",
      kind: "DaemonSet",
      metadata: { name: "everywhere" },
      spec: {
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: { terminationGracePeriodSeconds: 1, containers: [shellContainer(idle)] },
        },
      },
    });
    const before = await onAll(stage, count);
    const lost = before.find(({ spec }) => spec.nodeName === power.machine);
    await power.off();
    const silentSince = performance.now();
    await eventually(`${power.machine} is known to be lost`, 90_000, async () =>
      (await stateOf(stage)) === "Unknown" ? true : undefined,
    );
    say(`${power.machine} has no power; known ${((performance.now() - silentSince) / 1000).toFixed(1)} s later`);
    // The node is marked first, its pods right after it.
    await eventually("its pod, and no other, is not ready any more", 30_000, async () => {
      const dead = (await podsOf(stage, "app=everywhere")).filter((pod) => !isReady(pod));
      return dead.map(({ spec }) => spec.nodeName).join() === power.machine ? true : undefined;
    });

    await power.on();
    await eventually(`${power.machine} is in order again`, 90_000, async () =>
      (await stateOf(stage)) === "True" ? true : undefined,
    );
    const after = await onAll(stage, count);
    const back = after.find(({ spec }) => spec.nodeName === power.machine);
    assert.notEqual(back?.status.containerStatuses?.[0]?.containerID, lost?.status.containerStatuses?.[0]?.containerID);
    say("with power, the machine and its pod are back without a hand");
  },
};

function onAll(stage: Stage, count: number) {
  return eventually(`a ready pod on each of ${count} machines`, 90_000, async () => {
    const pods = (await podsOf(stage, "app=everywhere")).filter(isReady);
    return new Set(pods.map(({ spec }) => spec.nodeName)).size === count ? pods : undefined;
  });
}

/** Of the Ready condition: True, False or Unknown. */
function stateOf({ cluster, power }: Stage): Promise<string> {
  const path = 'jsonpath={.status.conditions[?(@.type=="Ready")].status}';
  return cluster.must(["get", "node", power.machine, "-o", path]);
}
