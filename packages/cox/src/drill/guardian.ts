// The dead-man's switch: a process of its own beside a drill's driver (`cox drill guard DIR`, which nobody types). It ends when the driver
// says that it has finished; when the driver's heartbeat stops or its process is gone before that, it takes back everything that was done.
import { basename } from "node:path";
import { ExitError } from "../failure.ts";
import type { Session } from "../session.ts";
import { entriesOf, heartbeatMs, readPlan } from "./runs.ts";
import { openTarget } from "./target.ts";
import { lives, undoRun } from "./undo.ts";

const silenceMs = 15_000;
const mostAttempts = 20;

export async function guard(directory: string, { clock, err }: Session): Promise<void> {
  const run = { id: basename(directory), directory };
  const plan = readPlan(run);
  while (lives(plan.driver) && clock.now() - heartbeatMs(run) <= silenceMs) {
    if (entriesOf(run).some(({ kind }) => kind === "finished")) return;
    await clock.sleep(500);
  }
  if (entriesOf(run).some(({ kind }) => kind === "finished")) return;
  // Asked again until it has worked: nobody else is there to do it.
  for (let attempt = 1; attempt <= mostAttempts; attempt += 1) {
    try {
      const done = await undoRun(run, openTarget(plan.target, clock), clock, "guardian");
      err.write(`the driver of ${run.id} has died: ${done.join("; ") || "nothing was left to undo"}\n`);
      return;
    } catch (error) {
      err.write(`attempt ${attempt}: ${String(error)}\n`);
      await clock.sleep(3000);
    }
  }
  throw new ExitError(1);
}
