// What a machine knows about itself and its cluster, as one file. It is written last: its presence says that setting up is through.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { MachineError } from "./failure.ts";
import { writeWhole } from "./files.ts";
import type { Profile } from "./profiles.ts";

export interface NamedAddress {
  readonly name: string;
  readonly address: string;
}

/** What a node may have as a process of its own or as a pod. */
export const optionalDaemons = ["proxy", "dns"] as const;
export type OptionalDaemon = (typeof optionalDaemons)[number];

/** Where the control plane's store is: a member on each master, or elsewhere. */
export type StorePlace =
  | { readonly kind: "member"; readonly state: "new" | "existing"; readonly members: readonly NamedAddress[] }
  | { readonly kind: "external"; readonly servers: readonly string[] };

export interface MachineRecord {
  readonly role: "master" | "worker" | "store";
  readonly name: string;
  readonly address: string;
  readonly apiPort: number;
  /** Further names and addresses of the API: a balancer's, one that moves. */
  readonly apiHosts: readonly string[];
  /** Keeps plain pods away from a master. */
  readonly tainted: boolean;
  readonly masters: readonly NamedAddress[];
  /** Nothing on a worker. */
  readonly store?: StorePlace;
  readonly dockerSocket: string;
  readonly resolvConf: string;
  /** Daemons that are not this machine's own: the cluster brings them as pods. */
  readonly without?: readonly OptionalDaemon[];
  /** The control plane's daemons run as static pods of this machine's node agent, from this image. */
  readonly staticPods?: { readonly image: string };
  /** How soon the cluster acts on silence; Kubernetes' own times where nothing is said. */
  readonly profile?: Profile;
  /** It came from a backup: the masters that are written in the cluster are those of before. */
  readonly restored?: boolean;
}

export const recordFile = (directory: string): string => join(directory, "machine.json");

export function readRecord(directory: string): MachineRecord | undefined {
  const file = recordFile(directory);
  if (!existsSync(file)) return undefined;
  try {
    return JSON.parse(readFileSync(file, "utf8")) as MachineRecord;
  } catch (cause) {
    throw new MachineError(`${file} cannot be read: ${(cause as Error).message}`, { cause });
  }
}

/** Throws when this machine is of no cluster. */
export function mustReadRecord(directory: string): MachineRecord {
  const record = readRecord(directory);
  if (!record) throw new MachineError(`this machine is of no cluster yet (${recordFile(directory)} is not there)`);
  return record;
}

export function writeRecord(directory: string, record: MachineRecord): void {
  writeWhole(recordFile(directory), `${JSON.stringify(record, null, 2)}\n`, 0o644);
}

/** The API servers as clients should try them: a master's own first. */
export function endpointsOf(record: MachineRecord): readonly string[] {
  const own = record.masters.filter(({ name }) => name === record.name);
  const others = record.masters.filter(({ name }) => name !== record.name);
  return [...own, ...others].map(({ address }) => `https://${address}:${record.apiPort}`);
}
