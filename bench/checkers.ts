// How long the checkers take for a million operations: puts, reads, deletions and compare-and-sets of 64 clients on 10,000 keys,
// each operation overlapping others. Needs no cluster.
import { checkLinearizability } from "@coxswain/drill";
import type { Operation, Request, Response } from "@coxswain/drill";
import type { StandaloneBenchmark } from "./bench.ts";

const operations = 1_000_000;
const keys = 10_000;
const clients = 64;

export const benchmark: StandaloneBenchmark = {
  summary: `linearizability of ${operations} operations of ${clients} clients on ${keys} independent keys`,
  measure(say) {
    const history = { operations: independentOperations(), watches: [] };
    say("recorded");
    const startedAt = performance.now();
    const { outcome, because } = checkLinearizability(history);
    const seconds = (performance.now() - startedAt) / 1000;
    say(`${outcome}: ${because}`);
    return Promise.resolve([
      { name: "time", unit: "s", value: seconds },
      { name: "operations per second", unit: "/s", value: operations / seconds },
      { name: "passed", unit: "", value: outcome === "passed" ? 1 : 0 },
    ]);
  },
};

/** Right by construction: operation i takes effect at instant i and lasts from some instants before to some after. */
function independentOperations(): Operation[] {
  const state = new Map<string, { value: string; mod: number; create: number; version: number }>();
  let revision = 1;
  let seed = 1;
  const int = (many: number): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((seed / 2 ** 32) * many);
  };
  return Array.from({ length: operations }, (_, id): Operation => {
    const key = `key-${int(keys)}`;
    const before = state.get(key);
    const put = (): void => {
      revision++;
      const version = (before?.version ?? 0) + 1;
      state.set(key, { value: `${id}`, mod: revision, create: before?.create ?? revision, version });
    };
    const what = int(10);
    let request: Request;
    let response: Response;
    if (what < 4) {
      put();
      request = { kind: "put", key, value: `${id}` };
      response = { kind: "put", revision };
    } else if (what < 8) {
      const kvs = before
        ? [
            {
              key,
              value: before.value,
              modRevision: before.mod,
              createRevision: before.create,
              version: before.version,
            },
          ]
        : [];
      request = { kind: "range", key };
      response = { kind: "range", revision, kvs, count: kvs.length };
    } else if (what === 8) {
      const operand = int(2) === 0 ? (before?.mod ?? 0) : -1;
      const succeeded = operand === (before?.mod ?? 0);
      if (succeeded) put();
      const success = [{ kind: "put", key, value: `${id}` }] as const;
      request = { kind: "txn", compares: [{ key, target: "mod", result: "=", operand }], success, failure: [] };
      response = { kind: "txn", revision, succeeded, responses: succeeded ? [{ kind: "put" }] : [] };
    } else {
      if (before !== undefined) revision++;
      state.delete(key);
      request = { kind: "delete", key };
      response = { kind: "delete", revision, deleted: before === undefined ? 0 : 1 };
    }
    const outcome = { kind: "ok", response } as const;
    return {
      id,
      client: id % clients,
      start: id - int(clients * 400),
      end: id + 0.5 + int(clients * 400),
      request,
      outcome,
    };
  });
}
