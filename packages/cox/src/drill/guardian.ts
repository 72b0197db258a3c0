// The dead-man's switch: a process of its own beside a drill's driver. It ends when the driver says that it has finished; when the driver's
// heartbeat stops or its process is gone before that, it takes back everything that was done. Its one argument is the run's directory.
import { basename } from "node:path";
import { systemClock } from "@coxswain/clock";
import { entriesOf, heartbeatMs, readPlan } from "./runs.ts";
import { openTarget } from "./target.ts";
import { lives, undoRun } from "./undo.ts";

const silenceMs = 15_000;
const directory = process.argv[2] ?? "";
const run = { id: basename(directory), directory };
const plan = readPlan(run);
// The terminal's Ctrl-C is for the driver.
process.on("SIGINT", () => undefined);
process.on("SIGHUP", () => undefined);

for (;;) {
  if (entriesOf(run).some(({ kind }) => kind === "finished")) process.exit(0);
  const silent = systemClock.now() - heartbeatMs(run) > silenceMs;
  if (!lives(plan.driver) || silent) break;
  await systemClock.sleep(500);
}
// Asked again until it has worked: nobody else is there to do it.
for (let attempt = 1; ; attempt += 1) {
  try {
    const done = await undoRun(run, openTarget(plan.target, systemClock), systemClock, "guardian");
    process.stderr.write(`the driver of ${run.id} has died: ${done.join("; ") || "nothing was left to undo"}\n`);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`attempt ${attempt}: ${String(error)}\n`);
    if (attempt === 20) process.exit(1);
    await systemClock.sleep(3000);
  }
}
