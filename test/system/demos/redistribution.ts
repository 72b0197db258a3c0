// What ran on a machine that is lost runs on the others, as many copies as before, and requests find them.
import { strict as assert } from "node:assert";
import { eventually } from "../cluster.ts";
import { asker, deployment, get, service, webContainer } from "./props.ts";
import { apply, isReady, podsOf, ready, shell, workers } from "./stage.ts";
import type { Demo } from "./stage.ts";

export const demo: Demo = {
  challenge: "redistribution on node failure",
  async play(stage) {
    const { power, say } = stage;
    const count = (await workers(stage)).length * 2;
    const impatient = ["not-ready", "unreachable"].map((state) => ({
      ...{ key: `node.kubernetes.io/${state}`, operator: "Exists", effect: "NoExecute" },
      tolerationSeconds: 1,
    }));
    const notThere = {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [
          { matchExpressions: [{ key: "kubernetes.io/hostname", operator: "NotIn", values: [power.machine] }] },
        ],
      },
    };
    await apply(
      stage,
      deployment("web", count, [webContainer()], { tolerations: impatient }),
      service("web", { app: "web" }),
      asker("asker", { affinity: { nodeAffinity: notThere } }),
    );
    const before = await ready(stage, "app=web", count);
    const lost = before.filter(({ spec }) => spec.nodeName === power.machine).map(({ metadata }) => metadata.name);
    assert(lost.length > 0, `no pod ran on ${power.machine}`);
    await ready(stage, "app=asker", 1);
    await power.off();

    const moved = await eventually("as many copies elsewhere", 120_000, async () => {
      const elsewhere = (await podsOf(stage, "app=web")).filter(
        (pod) => isReady(pod) && pod.spec.nodeName !== power.machine,
      );
      return elsewhere.length === count ? elsewhere : undefined;
    });
    say(`${lost.length} of ${count} copies were on ${power.machine}; all ${count} run elsewhere now`);
    const names = moved.map(({ metadata }) => metadata.name);
    const text = await shell(stage, "asker", `for i in $(seq 20); do ${get("web")}; done`);
    assert.doesNotMatch(text, /failed/);
    for (const [, name = ""] of text.matchAll(/pod (\S+) on/g)) assert(names.includes(name), `${name} answered`);
    say("and every request finds one of them");
    await power.on();
  },
};
