// The thread of passwords.ts: hashes and compares, one after the other. The only importer of bcryptjs.
import { parentPort } from "node:worker_threads";
import { compareSync, hashSync } from "bcryptjs";

export type PasswordTask =
  | { readonly kind: "hash"; readonly password: string; readonly cost: number }
  | { readonly kind: "compare"; readonly password: string; readonly hash: string };

parentPort?.on("message", ({ id, task }: { id: number; task: PasswordTask }) => {
  try {
    const result = task.kind === "hash" ? hashSync(task.password, task.cost) : compareSync(task.password, task.hash);
    parentPort?.postMessage({ id, result });
  } catch (error) {
    parentPort?.postMessage({ id, fault: error instanceof Error ? error.message : String(error) });
  }
});
