// Takes back what a drill did, from its journal alone: for the guardian and for `abort`. Every undoing is harmless when done twice.
import type { Clock } from "@coxswain/clock";
import { describeAction, leftBehind, removeCanary, unhealed } from "@coxswain/drill";
import type { Target } from "@coxswain/drill";
import { entriesOf, journalOf } from "./runs.ts";
import type { Run } from "./runs.ts";

/** Heals and removes; answers what was done. Throws when something could not be undone, after trying everything. */
export async function undoRun(
  run: Run,
  target: Target,
  clock: Clock,
  by: "guardian" | "abort",
): Promise<readonly string[]> {
  const done: string[] = [];
  const failures: unknown[] = [];
  const entries = entriesOf(run);
  for (const action of unhealed(entries))
    try {
      await target.perform(action);
      done.push(describeAction(action));
    } catch (error) {
      failures.push(error);
    }
  if (failures.length > 0) throw new AggregateError(failures);
  await journalOf(run).write({ at: clock.now(), kind: "healed", by });
  const left = leftBehind(entries);
  if (left === undefined) return done;
  const client = target.client();
  try {
    await removeCanary(client, left.namespace, clock);
    done.push(`namespace ${left.namespace} removed`);
    if (target.store !== undefined) {
      const store = target.store.connectAll();
      const last = left.prefix.charCodeAt(left.prefix.length - 1);
      const rangeEnd = `${left.prefix.slice(0, -1)}${String.fromCharCode(last + 1)}`;
      const { deleted } = await store.kv.deleteRange({
        key: Buffer.from(left.prefix),
        rangeEnd: Buffer.from(rangeEnd),
      });
      store.close();
      if (Number(deleted) > 0) done.push(`${deleted} keys removed from the store`);
    }
  } finally {
    await client.close();
  }
  await journalOf(run).write({ at: clock.now(), kind: "finished" });
  return done;
}

/** Whether a process lives; signal 0 asks and does nothing. */
export function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false; // ESRCH: no such process.
  }
}
