// What an endpoint answered to a list of requests, as text that can be compared between endpoints: whole answers and whole errors, with
// only that replaced which must differ (ids of cluster and member, the term).
import { GrpcError } from "../src/index.ts";
import type { EtcdClient, RequestOptions } from "../src/index.ts";

export interface Step {
  /** The request, readable. */
  readonly label: string;
  readonly run: (client: EtcdClient, options?: RequestOptions) => Promise<unknown>;
}

/** Requests that are made one after the other on an endpoint that nobody else uses. */
export interface Script {
  /** A sentence about what is asked. */
  readonly name: string;
  readonly steps: readonly Step[];
}

type Verb = keyof EtcdClient;
type MethodsOf<V extends Verb> = EtcdClient[V];

/** One request to one method: `ask("kv", "put", { key: "a" })`. */
export function ask<
  V extends "kv" | "lease" | "cluster" | "maintenance" | "auth",
  M extends keyof MethodsOf<V> & string,
>(
  service: V,
  method: M,
  request: MethodsOf<V>[M] extends (request: infer Q, ...rest: never[]) => unknown ? Q : never,
): Step {
  return {
    label: `${service}.${method} ${printed(request)}`,
    run: (client, options) =>
      (client[service][method] as (request: unknown, options?: RequestOptions) => Promise<unknown>)(request, options),
  };
}

const tokens = new WeakMap<EtcdClient, Map<string, string>>();

/** The same step by a user, with the token that the first step of this user was given: "name:password". */
export function as(who: string, { label, run }: Step): Step {
  const [name = "", password = ""] = who.split(":");
  return {
    label: `${who}: ${label}`,
    async run(client) {
      const known = tokens.get(client) ?? new Map<string, string>();
      tokens.set(client, known);
      const token = known.get(who) ?? (await client.auth.authenticate({ name, password })).token;
      known.set(who, token);
      return run(client, { metadata: { token } });
    },
  };
}

/** The same step with this token, whatever it is. */
export function withToken(token: string, { label, run }: Step): Step {
  return { label: `token ${token}: ${label}`, run: (client) => run(client, { metadata: { token } }) };
}

export async function transcribe(client: EtcdClient, steps: readonly Step[]): Promise<string[]> {
  const lines: string[] = [];
  for (const { label, run } of steps) {
    const answer = await run(client).then(
      (answered) => printed(label.startsWith("maintenance.alarm") ? { ...(answered as object), header: {} } : answered),
      (error: unknown) => {
        if (error instanceof GrpcError) return `error ${error.code}: ${error.details}`;
        throw error;
      },
    );
    lines.push(`${label} -> ${answer}`);
  }
  return lines;
}

/** Absent and default are the same on the wire, so neither is printed. */
export function printed(value: unknown): string {
  return JSON.stringify(value, (name, held: unknown) => {
    if (name === "clusterId" || name === "memberId" || name === "raftTerm") return undefined;
    if (typeof held === "bigint") return held === 0n ? undefined : `${held}`;
    if (isSerializedBuffer(held)) return held.data.length === 0 ? undefined : Buffer.from(held.data).toString("latin1");
    if (held === "" || held === 0 || held === false) return undefined;
    return held;
  });
}

function isSerializedBuffer(value: unknown): value is { readonly type: "Buffer"; readonly data: readonly number[] } {
  return typeof value === "object" && value !== null && "type" in value && value.type === "Buffer" && "data" in value;
}
