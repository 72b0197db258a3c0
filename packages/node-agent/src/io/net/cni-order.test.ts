// Who waits for whom when a network is cleared.
import { expect, test } from "vitest";
import { createCniOrder } from "./cni-order.ts";

test("sandboxes go side by side; who clears waits for them and keeps others out, also when one of them fails", async () => {
  const order = createCniOrder();
  const journal: string[] = [];
  const work = (name: string) => {
    const end = Promise.withResolvers<void>();
    const run = async (): Promise<void> => {
      journal.push(`${name} begins`);
      await end.promise.finally(() => journal.push(`${name} ends`));
    };
    return { run, end: end.resolve, fail: end.reject };
  };
  const [one, two, clearing, late, next] = [work("one"), work("two"), work("clearing"), work("late"), work("next")];
  const [first, second] = [order.among(one.run), order.among(two.run)];
  const alone = order.alone(clearing.run);
  const third = order.among(late.run);
  const again = order.alone(next.run);
  const settled = Promise.allSettled([first, second, alone, third, again]);
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  await turn();
  one.end();
  await turn();
  expect(journal.splice(0)).toEqual(["one begins", "two begins", "one ends"]);
  two.fail(new Error("no"));
  await turn();
  expect(journal.splice(0)).toEqual(["two ends", "clearing begins"]);
  clearing.fail(new Error("busy"));
  await turn();
  expect(journal.splice(0)).toEqual(["clearing ends", "next begins"]);
  next.end();
  await turn();
  expect(journal.splice(0)).toEqual(["next ends", "late begins"]);
  late.end();
  expect((await settled).map(({ status }) => status)).toEqual([
    "fulfilled",
    "rejected",
    "rejected",
    "fulfilled",
    "fulfilled",
  ]);
});
