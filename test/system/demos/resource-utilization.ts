// Machines are filled to the brim and never over it: what fits nowhere waits and is told why, smaller ones take what is left,
// and room that becomes free is used at once.
import { strict as assert } from "node:assert";
import { eventually } from "../cluster.ts";
import { idle, pod, shellContainer } from "./props.ts";
import { apply, kubectl, podsOf, workers } from "./stage.ts";
import type { Demo, Stage } from "./stage.ts";

export const demo: Demo = {
  challenge: "resource utilization",
  async play(stage) {
    const nodes = await workers(stage);
    const free = await Promise.all(nodes.map((node) => freeMillis(stage, node)));
    // So much that each machine takes three, and not four.
    const share = Math.floor(Math.min(...free) * 0.3);
    const wish = (name: string, millis: number): object =>
      pod(name, [shellContainer(idle, { resources: { requests: { cpu: `${millis}m` } } })], {}, { part: "fill" });
    const count = nodes.length * 3;
    await apply(stage, ...Array.from({ length: count }, (_unused, index) => wish(`part-${index}`, share)));
    const full = await running(stage, count);
    assert.deepEqual(
      nodes.map((node) => full.filter(({ spec }) => spec.nodeName === node).length),
      nodes.map(() => 3),
    );
    stage.say(`${count} pods that ask for ${share}m each fill ${nodes.length} machines, three on each`);

    await apply(stage, wish("late", share), wish("small", 20));
    await running(stage, count + 1);
    const late = (await podsOf(stage, "part=fill")).find(({ metadata }) => metadata.name === "late");
    assert.equal(late?.status.phase, "Pending");
    assert.match(late.status.conditions?.[0]?.message ?? "", /Insufficient cpu/);
    stage.say("a small one finds room in what is left; a large one waits, and is told why");

    await kubectl(stage, ["delete", "pod", "part-0", "--wait=false"]);
    await eventually("the one that waited runs", 60_000, async () => {
      const pods = await podsOf(stage, "part=fill");
      return pods.find(({ metadata }) => metadata.name === "late")?.status.phase === "Running" ? true : undefined;
    });
    stage.say("as soon as one leaves, the waiting one has its place");
    await kubectl(stage, ["delete", "pods", "-l", "part=fill", "--wait=false"]);
  },
};

function running(stage: Stage, count: number) {
  return eventually(`${count} pods run`, 90_000, async () => {
    const up = (await podsOf(stage, "part=fill")).filter(({ status }) => status.phase === "Running");
    return up.length === count ? up : undefined;
  });
}

/** What a node can give, less what its pods have asked for. */
async function freeMillis({ cluster }: Stage, node: string): Promise<number> {
  const text = await cluster.must(["describe", "node", node]);
  const allocatable = /^Allocatable:\n(?:\s+.*\n)*?\s+cpu:\s+(\S+)/m.exec(text)?.[1] ?? "";
  const requested = /^\s+cpu\s+(\S+) \(/m.exec(text)?.[1] ?? "";
  return millis(allocatable) - millis(requested);
}

function millis(amount: string): number {
  return amount.endsWith("m") ? Number(amount.slice(0, -1)) : Number(amount) * 1000;
}
