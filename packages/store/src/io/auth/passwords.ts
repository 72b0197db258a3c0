// Password hashes as etcd has them (bcrypt). Hashing takes a tenth of a second of computing on purpose, so a thread of its own does
// it, one password after the other: neither the ready loop nor the threads that sync the disk wait for somebody's password.
import { Worker } from "node:worker_threads";
import { etcdError } from "../rpc/errors.ts";
import type { PasswordTask } from "./password-worker.ts";

export interface Passwords {
  /** The hash as it goes through the log. */
  hash(password: string): Promise<Buffer>;
  matches(password: string, hash: Uint8Array): Promise<boolean>;
  close(): Promise<void>;
}

/** Beyond so many passwords that wait, more are refused: they are somebody's guesses. */
const mostWaiting = 64;

export function createPasswords(cost: number): Passwords {
  const waiting = new Map<number, PromiseWithResolvers<string | boolean>>();
  let sequence = 0;
  let worker: Worker | undefined;
  const failAll = (cause: unknown): void => {
    const all = [...waiting.values()];
    waiting.clear();
    worker = undefined;
    for (const each of all) each.reject(cause);
  };
  const start = (): Worker => {
    const started = new Worker(new URL("./password-worker.ts", import.meta.url));
    started.on("message", ({ id, result, fault }: { id: number; result: string | boolean; fault?: string }) => {
      const owner = waiting.get(id);
      waiting.delete(id);
      if (waiting.size === 0) started.unref();
      if (fault === undefined) owner?.resolve(result);
      else owner?.reject(new Error(fault));
    });
    started.on("error", failAll);
    return started;
  };
  const ask = (task: PasswordTask): Promise<string | boolean> => {
    if (waiting.size >= mostWaiting) throw etcdError("tooManyRequests");
    const id = ++sequence;
    const owner = Promise.withResolvers<string | boolean>();
    waiting.set(id, owner);
    worker ??= start();
    worker.ref();
    worker.postMessage({ id, task });
    return owner.promise;
  };
  return {
    hash: async (password) => Buffer.from(String(await ask({ kind: "hash", password, cost }))),
    matches: async (password, hash) =>
      (await ask({ kind: "compare", password, hash: Buffer.from(hash).toString() })) === true,
    async close() {
      const last = worker;
      failAll(etcdError("stopped"));
      await last?.terminate();
    },
  };
}
