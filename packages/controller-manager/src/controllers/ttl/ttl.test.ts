import { nodes } from "@coxswain/api/core/v1";
import { expect, it } from "vitest";
import { createWorld, testNode } from "../../../testing/world.ts";
import { createTtlController } from "./controller.ts";
import { nextStep, secondsOf } from "./plan.ts";

it("the step follows the number of nodes and does not tremble at an edge", () => {
  let step = 0;
  const seen = [1, 100, 101, 95, 89, 600, 470, 5000, 1850, 1700].map((count) =>
    secondsOf((step = nextStep(step, count))),
  );
  expect(seen).toEqual([0, 0, 15, 15, 0, 30, 30, 300, 300, 60]);
});

it("every node is told, those before as well when there are many", async () => {
  const world = createWorld(1);
  const manager = world.start(createTtlController);
  await world.api.resource(nodes).create(testNode("n0"));
  await world.settle(1);
  const told = () => [
    ...new Set(world.api.all(nodes).map(({ metadata }) => metadata.annotations?.["node.alpha.kubernetes.io/ttl"])),
  ];
  expect(told()).toEqual(["0"]);
  for (let index = 1; index <= 100; index++) await world.api.resource(nodes).create(testNode(`n${index}`));
  await world.settle(3);
  expect(told()).toEqual(["15"]);
  await manager.stop();
});
