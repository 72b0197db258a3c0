import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { exclusively } from "./exclusive.ts";

const name = `test-${process.pid}`;
const module = fileURLToPath(new URL("exclusive.ts", import.meta.url));

it("lets one after the other, and what fails lets go too", async () => {
  let inside = 0;
  const seen: number[] = [];
  const turn = (fails: boolean) => async (): Promise<void> => {
    inside += 1;
    seen.push(inside);
    await new Promise((resolve) => setImmediate(resolve));
    inside -= 1;
    if (fails) throw new Error("no");
  };
  const outcomes = await Promise.allSettled([0, 1, 2, 3, 4, 5].map((n) => exclusively(name, turn(n === 0))));
  expect(outcomes.map(({ status }) => status).filter((status) => status === "rejected")).toHaveLength(1);
  expect(seen).toEqual([1, 1, 1, 1, 1, 1]);
});

it("waits for another process, and goes on when that one is killed", async () => {
  const script = `import { exclusively } from ${JSON.stringify(module)};
    await exclusively(${JSON.stringify(name)}, () => new Promise(() => { process.stdout.write("in"); setInterval(() => {}, 1000); }));`;
  const other = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(other.stdout, "data");
  let killed = false;
  const mine = exclusively(name, async () => killed);
  await new Promise((resolve) => setTimeout(resolve, 100)); // Nothing is to happen in it.
  killed = true;
  other.kill("SIGKILL");
  expect(await mine).toBe(true);
});
