// The one who looks after a machine as long as it runs: renews certificates, keeps the list of masters true in every kubeconfig, lets further
// machines in, makes a learner a voter, and removes a voter that is dead. One small process a machine; what it cannot do now it does later.
import { readFileSync } from "node:fs";
import type { Clock, Random } from "@coxswain/clock";
import { createClient, loadKubeconfig } from "@coxswain/client";
import type { Client } from "@coxswain/client";
import type { EtcdClient } from "@coxswain/etcd-api";
import { load } from "js-yaml";
import { eventsOf } from "../resource/events-of.ts";
import { paths, read } from "./api.ts";
import { approvePending } from "./approval.ts";
import type { PendingRequest } from "./approval.ts";
import { ensureCertificates, listCertificates } from "./certificates.ts";
import {
  ensureAddons,
  ensureClusterInfo,
  ensureMaster,
  ensureMasterLabel,
  ensureRights,
  offer,
} from "./cluster-objects.ts";
import { filesOf, storeServers } from "./daemons.ts";
import { writeWhole } from "./files.ts";
import { readInvitation } from "./invitation.ts";
import { listMembers, livingMembers, openStore, planDemotion } from "./members.ts";
import type { StoreMember } from "./members.ts";
import type { NamedAddress } from "./record.ts";
import { mustReadRecord, writeRecord } from "./record.ts";
import { createReadinessProbe } from "./readiness.ts";
import { ensureRequested } from "./requests.ts";
import { writeMachine } from "./setup.ts";

export interface KeeperOptions {
  readonly directory: string;
  /** How long a voter of the store may be silent before it is removed; 0 never removes. */
  readonly deadMemberGraceMs: number;
}

export interface KeeperPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly say: (text: string) => void;
}

const roundMs = 2000;
const restMs = 10_000;
/** How old what `cox health` reads may get while nothing changes; it complains after a minute. */
const healthEveryMs = 15_000;
const slowRoundMs = 20_000;
/** How long a worker may not know of a master that has joined: if all that it knows die meanwhile, it is alone until one is back. */
const mastersEveryMs = 5000;
const warnDays = 30;

/** Runs until the signal aborts. */
export async function keep(options: KeeperOptions, ports: KeeperPorts, signal: AbortSignal): Promise<void> {
  const { directory } = options;
  const { clock, say } = ports;
  const first = mustReadRecord(directory);
  const client =
    first.role === "store"
      ? undefined
      : createClient(
          loadKubeconfig(filesOf(directory).kubeconfig(first.role === "master" ? "keeper" : "node-agent"), {
            userAgent: "cox-keeper",
          }),
          ports,
        );
  const duties = dutiesOf(options, ports, client, signal);
  const failures = new Map<string, string>();
  const probe = first.role === "store" ? undefined : createReadinessProbe(directory);
  const due = new Map<string, number>();
  const waiting = client && first.role === "master" ? watchRequests(client, ports, signal) : undefined;
  let unready: ReadonlyMap<string, string> = new Map();
  let lookAtMs = 0;
  let healthAtMs = 0;
  let written = "";
  try {
    while (!signal.aborted) {
      for (const { name, everyMs, run } of duties) {
        if (clock.monotonic() < (due.get(name) ?? 0)) continue;
        try {
          const nextMs = (await run()) ?? everyMs;
          if (failures.delete(name)) say(`${name}: works again`);
          due.set(name, clock.monotonic() + nextMs);
        } catch (error) {
          if (signal.aborted) break;
          const text = error instanceof Error ? error.message : String(error);
          if (failures.get(name) !== text) say(`${name}: not now: ${text}`);
          failures.set(name, text);
        }
      }
      if (clock.monotonic() >= lookAtMs) {
        unready = (await probe?.look(mustReadRecord(directory))) ?? unready;
        // A machine at rest is left at rest.
        lookAtMs = clock.monotonic() + (unready.size > 0 ? 0 : restMs);
      }
      const complaints = [...failures, ...unready].map(([name, text]) => `${name}: ${text}`);
      if (complaints.join("\n") !== written || clock.monotonic() >= healthAtMs) {
        writeHealth(directory, complaints, clock.now());
        written = complaints.join("\n");
        healthAtMs = clock.monotonic() + healthEveryMs;
      }
      await clock.sleep(roundMs, signal).catch(() => undefined);
    }
  } finally {
    probe?.close();
    for (const { close } of duties) close?.();
    await waiting;
    await client?.close();
  }
}

interface Duty {
  readonly name: string;
  readonly everyMs: number;
  /** May say when it wants to be called again. */
  readonly run: () => Promise<number | void>;
  readonly close?: () => void;
}

function dutiesOf(
  options: KeeperOptions,
  ports: KeeperPorts,
  client: Client | undefined,
  signal: AbortSignal,
): readonly Duty[] {
  const { directory } = options;
  const { clock, say, random } = ports;
  const record = () => mustReadRecord(directory);
  const renew: Duty = {
    name: "certificates",
    everyMs: slowRoundMs,
    run: async () => {
      const renewed =
        record().role === "worker"
          ? await ensureRequested(record(), directory, undefined, ports, signal)
          : await ensureCertificates(record(), directory, clock);
      if (renewed.length === 0) return;
      writeMachine(record(), directory);
      say(`renewed certificates: ${renewed.join(", ")}`);
    },
  };
  if (client === undefined) return [renew];
  const takeMasters = (masters: readonly NamedAddress[]): void => {
    const now = record();
    if (masters.length === 0 || JSON.stringify(masters) === JSON.stringify(now.masters)) return;
    say(`the masters are now ${masters.map(({ name, address }) => `${name} (${address})`).join(", ")}`);
    writeMachine({ ...now, masters }, directory);
  };
  if (record().role === "worker")
    return [
      renew,
      {
        name: "masters",
        everyMs: mastersEveryMs,
        run: async () => {
          const info = (await read(client, paths.clusterInfo, signal)) as { data?: Record<string, string> } | undefined;
          takeMasters(mastersOf(info?.data?.["kubeconfig"], record().masters));
        },
      },
    ];
  let offered = "";
  let labelled = false;
  let grounded = false;
  return [
    {
      name: "cluster",
      everyMs: slowRoundMs,
      run: async () => {
        if (!grounded) {
          await ensureRights(client, signal);
          await ensureAddons(client, signal);
          grounded = true;
        }
        takeMasters(await ensureMaster(client, record(), signal));
        if (record().restored) {
          const { restored: _done, ...rest } = record();
          writeRecord(directory, rest);
        }
        await ensureClusterInfo(client, record(), directory, signal);
        const invitation = readInvitation(directory, clock.now());
        if (invitation && invitation.token !== offered) {
          await offer(client, directory, invitation, random, signal);
          offered = invitation.token;
        }
      },
    },
    {
      name: "label",
      everyMs: roundMs,
      run: async () => {
        if (!labelled) labelled = await ensureMasterLabel(client, record().name, signal);
      },
    },
    renew,
    ...(record().store?.kind === "member" ? [storeDuty(options, ports)] : []),
  ];
}

/** Makes this machine's learner a voter; where this machine's member leads, removes voters that are dead for long. */
function storeDuty({ directory, deadMemberGraceMs }: KeeperOptions, { clock, say }: KeeperPorts): Duty {
  const deadSince = new Map<bigint, number>();
  // Kept from round to round: a handshake costs both sides more than all that is asked.
  let kept: { readonly client: EtcdClient; readonly servers: string } | undefined;
  const close = (): void => {
    kept?.client.close();
    kept = undefined;
  };
  const open = (servers: readonly string[]): EtcdClient => {
    if (kept?.servers !== servers.join()) close();
    kept ??= { client: openStore(directory, servers, clock), servers: servers.join() };
    return kept.client;
  };
  const look = async (): Promise<number> => {
    const record = mustReadRecord(directory);
    const store = open(storeServers(record));
    const members = await listMembers(store);
    const own = members.find(({ peerURLs }) => peerURLs.includes(`https://${record.address}:2380`));
    rememberMembers(directory, members);
    if (own?.isLearner) {
      await store.cluster.memberPromote({ id: own.id });
      say("this machine's member of the store has caught up and votes now");
    }
    const nextMs = deadSince.size > 0 ? roundMs : restMs;
    // Fewer than three bear no loss: none of them is ever removed.
    if (members.length < 3) {
      deadSince.clear();
      return nextMs;
    }
    const status = await store.maintenance.status({}, { endpoint: `https://${record.address}:2379` });
    if (own === undefined || status.leader !== own.id || deadMemberGraceMs === 0) {
      deadSince.clear();
      return nextMs;
    }
    const living = await livingMembers(directory, members, clock);
    for (const { id } of members) {
      if (living.has(id)) deadSince.delete(id);
      else if (!deadSince.has(id)) deadSince.set(id, clock.monotonic());
    }
    const plan = planDemotion(members, deadSince, clock.monotonic(), deadMemberGraceMs);
    if (!plan) return nextMs;
    await store.cluster.memberRemove({ id: plan.member.id });
    deadSince.delete(plan.member.id);
    say(`removed ${plan.member.name} from the store: ${plan.because}`);
    return nextMs;
  };
  return {
    name: "store",
    everyMs: roundMs,
    close,
    run: async () => {
      try {
        return await look();
      } catch (error) {
        // Perhaps its certificate or the members are of yesterday.
        close();
        throw error;
      }
    },
  };
}

/** So that a restarted apiserver knows all members, and a store that lost its disk does not begin a cluster of its own. */
function rememberMembers(directory: string, members: readonly StoreMember[]): void {
  const record = mustReadRecord(directory);
  const place = record.store;
  if (place?.kind !== "member") return;
  const now = members
    .map(({ name, peerURLs }) => ({ name, address: new URL(peerURLs[0] ?? "https://0.0.0.0").hostname }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const unchanged = JSON.stringify(now) === JSON.stringify(place.members);
  if (unchanged || now.some(({ name }) => name === "") || !now.some(({ name }) => name === record.name)) return;
  const state = now.length > 1 ? "existing" : place.state;
  writeMachine({ ...record, store: { kind: "member", state, members: now } }, directory);
}

/** Grants what machines ask for as soon as they ask. */
async function watchRequests(client: Client, { clock, say }: KeeperPorts, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const answer = await client.request({ method: "GET", path: paths.requests, signal });
      if (answer.status >= 400) throw new Error(answer.text());
      const { items = [], metadata } = answer.json() as {
        items?: PendingRequest[];
        metadata: { resourceVersion: string };
      };
      for (const because of await approvePending(client, items, signal)) say(`granted: ${because}`);
      const query = { watch: true, resourceVersion: metadata.resourceVersion, timeoutSeconds: 300 };
      const stream = await client.stream({ method: "GET", path: paths.requests, query, signal });
      for await (const { type, object } of eventsOf<PendingRequest>(stream.body)) {
        if (type === "ERROR") break;
        if (type !== "ADDED" && type !== "MODIFIED") continue;
        for (const because of await approvePending(client, [object], signal)) say(`granted: ${because}`);
      }
    } catch {
      // The API is away; the other duties say so.
      await clock.sleep(roundMs, signal).catch(() => undefined);
    }
  }
}

function mastersOf(kubeconfig: string | undefined, known: readonly NamedAddress[]): readonly NamedAddress[] {
  if (kubeconfig === undefined) return [];
  const config = load(kubeconfig) as {
    clusters: { cluster: { server: string; extensions?: { name: string; extension: { servers?: string[] } }[] } }[];
  };
  const cluster = config.clusters[0]?.cluster;
  const more = cluster?.extensions?.find(({ name }) => name === "coxswain.io/servers")?.extension.servers ?? [];
  return [cluster?.server ?? "", ...more]
    .filter((server) => URL.canParse(server))
    .map((server) => new URL(server).hostname)
    .map((address) => known.find((master) => master.address === address) ?? { name: address, address });
}

/** What `cox health` reads: one line a complaint. */
export const healthFile = (directory: string): string => filesOf(directory).at("keeper-health");

function writeHealth(directory: string, complaints: readonly string[], nowMs: number): void {
  const lines = [...complaints];
  lines.push(...endingCertificates(directory, nowMs));
  writeWhole(healthFile(directory), `${JSON.stringify({ atMs: nowMs, complaints: lines })}\n`, 0o644);
}

/** A complaint for each certificate that ends within a month. */
export function endingCertificates(directory: string, nowMs: number): readonly string[] {
  const soon = listCertificates(directory, nowMs).filter(({ daysLeft }) => daysLeft < warnDays);
  return soon.map(
    ({ name, daysLeft }) => `certificate ${name} ${daysLeft < 0 ? "has ended" : `ends in ${daysLeft} days`}`,
  );
}

/** Complaints of a keeper that was there lately; one about itself when it was not. */
export function readHealth(directory: string, nowMs: number): readonly string[] {
  const text = readFileSync(healthFile(directory), "utf8");
  const { atMs, complaints } = JSON.parse(text) as { atMs: number; complaints: readonly string[] };
  return nowMs - atMs > 60_000 ? ["the keeper has not been heard of for a minute", ...complaints] : complaints;
}
