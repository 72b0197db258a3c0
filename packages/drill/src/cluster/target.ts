// The cluster that a drill breaks, as a port: its machines, what can be done to them, and ways to talk to it. cox implements it for the
// lab and for the computer it runs on. Verbs resolve when what they say has happened.
import type { Client } from "@coxswain/client";
import type { EtcdClient } from "@coxswain/etcd-api";
import type { Action, Need } from "./action.ts";

export interface TargetMachine {
  readonly name: string;
  readonly address: string;
  readonly master: boolean;
  readonly worker: boolean;
}

export interface Target {
  readonly kind: "lab" | "this-cluster";
  /** What consent has to name. */
  readonly name: string;
  readonly machines: readonly TargetMachine[];
  /** Why this cannot be done here; undefined when it can. */
  unable(need: Need): string | undefined;
  /** Throws when it could not be done. "roll-out" is not for the target. */
  perform(action: Action): Promise<void>;
  /** A client that knows all API servers, the given one first; or no other. */
  client(first?: string, only?: "only"): Client;
  /** Clients of the store's members; undefined when nobody gave us a certificate for it. */
  readonly store:
    { names(): readonly string[]; connect(name: string): EtcdClient; connectAll(): EtcdClient } | undefined;
  /** What every daemon shows on its port at this moment; those that do not answer are not among them. */
  certificates(): Promise<readonly { readonly daemon: string; readonly machine: string; readonly endsMs: number }[]>;
  /** What the product itself complains of on that machine (`cox health`): certificates that end soon. */
  complaints(machine: string): Promise<readonly string[]>;
  /** Runs a program in a machine and hands over its lines until it ends or the signal comes. */
  run(machine: string, command: readonly string[], line: (text: string) => void, signal: AbortSignal): Promise<void>;
  /** The container engine's own command line; answers what it wrote. */
  engine(machine: string, args: readonly string[], signal?: AbortSignal): Promise<string>;
  /** The same as a stream of lines. */
  engineLines(
    machine: string,
    args: readonly string[],
    line: (text: string) => void,
    signal: AbortSignal,
  ): Promise<void>;
  /** Path of node, which is there on every machine. */
  readonly node: string;
  /** What is running where, for the report. */
  versions(): Promise<Readonly<Record<string, string>>>;
}

export const masters = (target: Pick<Target, "machines">): readonly TargetMachine[] =>
  target.machines.filter(({ master }) => master);
export const workers = (target: Pick<Target, "machines">): readonly TargetMachine[] =>
  target.machines.filter(({ worker }) => worker);
