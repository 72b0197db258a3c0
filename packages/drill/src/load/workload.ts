// What a client of the load does next: a mixture of everything that etcd's API offers on keys, contended enough that orders matter,
// spread enough that a recording can be judged. Keys live in groups; transactions and reads of many keys stay within one. Groups
// are left behind after a while, so that the shares to be judged stay small. Draws from a Random only; asks nothing.
import type { Random } from "@coxswain/clock";
import type { KeyRange, Request, TxnOperation, WatchRequest } from "../history.ts";

export interface WorkloadConfig {
  /** In front of every key. */
  readonly prefix: string;
  readonly groups: number;
  readonly keysPerGroup: number;
  /** How large values may be; most are small. */
  readonly mostValueBytes: number;
  /** False where the store is not the load's own: others may still want its history. */
  readonly compact?: boolean;
}

export type Step =
  | { readonly kind: "request"; readonly request: Request }
  /** A lease with a key of its own, renewed so often, then revoked or left to run out. */
  | {
      readonly kind: "lease";
      readonly grant: Request & { readonly kind: "grant" };
      readonly keys: readonly string[];
      readonly renewals: number;
      readonly revoke: boolean;
    }
  | { readonly kind: "watch"; readonly request: WatchRequest; readonly forMs: number }
  | { readonly kind: "compact" };

/** What a client remembers of what it has seen. */
export interface Seen {
  readonly revision: number;
  readonly modRevisions: ReadonlyMap<string, number>;
}

export interface Names {
  /** Never twice the same. */
  value(sizeBytes: number): string;
  lease(): string;
}

export function nextStep(config: WorkloadConfig, epoch: number, random: Random, seen: Seen, names: Names): Step {
  const group = `${config.prefix}e${String(epoch).padStart(4, "0")}/g${random.int(config.groups)}/`;
  const key = (): string => `${group}k${random.int(config.keysPerGroup)}`;
  const value = (): string => names.value(sizeOf(config, random));
  const request = (asked: Request): Step => ({ kind: "request", request: asked });
  const dice = random.int(100);
  if (dice < 34) return request({ kind: "put", key: key(), value: value() });
  if (dice < 50) return request({ kind: "range", key: key() });
  if (dice < 55) return request({ kind: "range", ...under(group) });
  if (dice < 58) return request({ kind: "range", ...under(group), serializable: true });
  if (dice < 61) return request({ kind: "range", key: key(), serializable: true });
  if (dice < 64)
    return request({ kind: "range", ...under(group), revision: Math.max(1, seen.revision - random.int(100)) });
  if (dice < 66) return request({ kind: "range", ...under(`${group}k`), countOnly: true });
  if (dice < 68) return request({ kind: "range", ...under(`${group}k`), limit: 1 + random.int(3) });
  if (dice < 75) return request({ kind: "delete", key: key() });
  if (dice < 76) return request({ kind: "delete", ...under(`${group}k${random.int(config.keysPerGroup)}`) });
  if (dice < 91) return request(compareAndSet(key(), key(), random, seen, value));
  if (dice < 94) return { kind: "lease", ...leaseStep(group, random, names) };
  if (dice < 99) return { kind: "watch", ...watchStep(config, group, key(), random, seen) };
  return config.compact === false ? request({ kind: "range", key: key() }) : { kind: "compact" };
}

/** Every key that begins with it. */
export function under(prefix: string): Required<KeyRange> {
  const last = prefix.charCodeAt(prefix.length - 1);
  return { key: prefix, rangeEnd: `${prefix.slice(0, -1)}${String.fromCharCode(last + 1)}` };
}

function sizeOf(config: WorkloadConfig, random: Random): number {
  return random.int(20) === 0 ? 16 + random.int(config.mostValueBytes) : 16 + random.int(200);
}

function compareAndSet(one: string, other: string, random: Random, seen: Seen, value: () => string): Request {
  const operand = seen.modRevisions.get(one) ?? 0;
  const success: TxnOperation[] = [{ kind: "put", key: one, value: value() }];
  if (other !== one)
    success.push(random.int(4) === 0 ? { kind: "delete", key: other } : { kind: "put", key: other, value: value() });
  const failure: TxnOperation[] = [{ kind: "range", key: one }];
  if (other !== one && random.int(4) === 0) failure.push({ kind: "put", key: other, value: value() });
  const compares = [
    random.int(5) === 0
      ? ({ key: one, target: "version", result: ">", operand: random.int(5) } as const)
      : ({ key: one, target: "mod", result: "=", operand } as const),
  ];
  return { kind: "txn", compares, success, failure };
}

function leaseStep(group: string, random: Random, names: Names): Omit<Step & { kind: "lease" }, "kind"> {
  const lease = names.lease();
  return {
    grant: { kind: "grant", lease, ttlSeconds: 1 + random.int(4) },
    // Keys of their own: a lease ties keys together for the judges.
    keys: Array.from({ length: 1 + random.int(2) }, (_, i) => `${group}lease/${lease}/${i}`),
    renewals: random.int(4),
    revoke: random.int(2) === 0,
  };
}

function watchStep(
  config: WorkloadConfig,
  group: string,
  key: string,
  random: Random,
  seen: Seen,
): Omit<Step & { kind: "watch" }, "kind"> {
  const range = [{ key }, under(group), under(config.prefix)][random.int(3)] as KeyRange;
  const back = [undefined, random.int(50), random.int(1000), -random.int(20)][random.int(4)];
  return {
    request: {
      ...range,
      ...(back === undefined ? {} : { startRevision: Math.max(2, seen.revision - back) }),
      previous: random.int(2) === 0,
      ...(random.int(6) === 0 ? { filters: [random.int(2) === 0 ? ("put" as const) : ("delete" as const)] } : {}),
    },
    forMs: 200 + random.int(8000),
  };
}
