// Requests are shared among containers of one kind on many machines: each gets its part, whichever machine asks. The test on the
// shares is Pearson's chi-square, at odds of one in a million.
import { strict as assert } from "node:assert";
import { asker, deployment, get, onNode, service, webContainer } from "./props.ts";
import { apply, ready, shell, workers } from "./stage.ts";
import type { Demo } from "./stage.ts";

const requests = 240;
/** Three containers leave two degrees of freedom, where the quantile is -2 ln p. */
const limit = -2 * Math.log(1e-6);

export const demo: Demo = {
  challenge: "load balancing across same-type containers on many nodes",
  async play(stage) {
    const nodes = (await workers(stage)).slice(0, 3);
    const apart = {
      topologySpreadConstraints: [
        {
          ...{ maxSkew: 1, topologyKey: "kubernetes.io/hostname", whenUnsatisfiable: "DoNotSchedule" },
          labelSelector: { matchLabels: { app: "web" } },
        },
      ],
    };
    const askers = nodes.map((node) => asker(`asker-${node}`, onNode(node)));
    await apply(stage, deployment("web", 3, [webContainer()], apart), service("web", { app: "web" }), ...askers);
    const pods = await ready(stage, "app=web", 3);
    assert.deepEqual(pods.map(({ spec }) => spec.nodeName).sort(), nodes);
    for (const node of nodes) {
      await ready(stage, `app=asker-${node}`, 1);
      const script = `for i in $(seq ${requests}); do ${get("$WEB_SERVICE_HOST")}; done`;
      const text = await shell(stage, `asker-${node}`, script);
      assert.doesNotMatch(text, /failed/);
      const seen = [...text.matchAll(/on node (\S+),/g)].map((match) => match[1]);
      const shares = nodes.map((name) => seen.filter((each) => each === name).length);
      assert.equal(seen.length, requests);
      const expected = requests / nodes.length;
      const chiSquare = shares.reduce((sum, share) => sum + (share - expected) ** 2 / expected, 0);
      assert(chiSquare < limit, `${shares.join(", ")}: chi-square ${chiSquare}`);
      stage.say(`asked from ${node}, ${nodes.join(", ")} answer ${shares.join(", ")} times`);
    }
  },
};
