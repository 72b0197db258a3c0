// The commands about a machine as values: `cox init`, `join`, `invite`, `leave`, `reset`, `plan`, `certs`, `backup`, `restore`, and the two that
// compose and systemd call: `setup` (whichever of init and join the environment asks for, or neither) and `keep`.
import { existsSync } from "node:fs";
import type { Clock, Random } from "@coxswain/clock";
import { rfc3339 } from "@coxswain/clock";
import { backUp, restore } from "./backup.ts";
import { ensureCertificates, listCertificates } from "./certificates.ts";
import { filesOf } from "./daemons.ts";
import { leave, reset } from "./departure.ts";
import { MachineError } from "./failure.ts";
import { createInvitation, describeInvitation, readInvitation, writeInvitation } from "./invitation.ts";
import { healthFile, keep, readHealth } from "./keeper.ts";
import {
  directoryOf,
  durationOf,
  machineOptionsOf,
  membersIn,
  parseMachineArgs,
  refuseWithoutEngine,
  valueOf,
  variableOf,
  wholeNumberOf,
  placementOf,
} from "./options.ts";
import type { Given } from "./options.ts";
import { profileNamed } from "./profiles.ts";
import { isMachineCommand, machineSummaries } from "./summaries.ts";
import type { MachineCommandName } from "./summaries.ts";
import { endpointsOf, mustReadRecord, readRecord } from "./record.ts";
import type { MachineRecord } from "./record.ts";
import { ensureRequested } from "./requests.ts";
import { coxVersion } from "../version.ts";
import { init, initStore, joinCluster, resume, writeMachine } from "./setup.ts";
import { describeTopology, tableOf, usualTopologies } from "./topologies.ts";

export interface MachineHost {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
  readonly write: (text: string) => void;
}

interface MachineCommand {
  readonly usage: string;
  readonly run: (given: Given, host: MachineHost) => Promise<number | void>;
}

const machineFlags = `
  --dir DIR             everything of the machine (default /var/lib/coxswain)
  --name NAME           default: the host name
  --address IP          what the other machines reach it by; needed where it has several
  --docker-socket FILE  default /var/run/docker.sock
  --resolv-conf FILE    what pods' names start from
  --without proxy,dns   daemons that the cluster brings as pods (deploy/manifests)
  --static-pods         on a master: the node agent runs store, apiserver, scheduler and controller-manager as pods
  --image REFERENCE     of these pods (default coxswain/coxswain:${coxVersion})
Each is also an environment variable: --ca-pin is COXSWAIN_CA_PIN.`;

const machineCommands: Readonly<Record<MachineCommandName, MachineCommand>> = {
  init: {
    usage: `cox init [--single]

  --single              let it run plain pods, too: a cluster of one machine
  --port N              the API's port (default 6443)
  --profile NAME        how soon the cluster acts on silence: default (Kubernetes' times) or fast (leaders within 5 s, lost nodes
                        after 8 s, their pods 5 s later); machines that join take it over
  --api-hosts A,B       further names or addresses of the API: a balancer's, one that moves
  --etcd-servers URLS   a store elsewhere (ours or etcd) instead of a member here, with
  --etcd-cafile, --etcd-certfile, --etcd-keyfile${machineFlags}
  --stores n=IP,…       instead: make this machine a host of the store alone, one of these`,
    run: async (given, host) => {
      const options = machineOptionsOf(given, host.env);
      await begin(given, host, options);
    },
  },
  join: {
    usage: `cox join https://MASTER:6443 --token T --ca-pin sha256:… [--master --certificate-key K]${machineFlags}`,
    run: async (given, host) => {
      const [endpoint] = given.words;
      if (endpoint === undefined)
        throw new MachineError("which cluster? cox join https://MASTER:6443 --token … --ca-pin …");
      await enter(endpoint, given, host, given.values["master"] === true);
    },
  },
  invite: {
    usage: "cox invite        on a master; good for a day",
    run: async (given, host) => {
      const directory = directoryOf(given, host.env);
      const record = mustBe(directory, "master");
      const invitation = createInvitation(host.clock, host.random);
      writeInvitation(directory, invitation);
      host.write(describeInvitation(directory, invitation, endpointsOf(record)[0] ?? ""));
    },
  },
  leave: {
    usage: "cox leave [--kubeconfig FILE]        stop its daemons first",
    run: async (given, host) => {
      const directory = directoryOf(given, host.env);
      await leave(directory, valueOf(given, host.env, "kubeconfig"), portsOf(host));
      await reset(directory, portsOf(host).say);
    },
  },
  reset: {
    usage: "cox reset --force        stop its daemons first",
    run: async (given, host) => {
      const directory = directoryOf(given, host.env);
      if (given.values["force"] !== true)
        throw new MachineError(
          `reset removes this machine's part of the cluster from ${directory}, the store's data included: say --force`,
        );
      await reset(directory, portsOf(host).say);
    },
  },
  plan: {
    usage: "cox plan [--masters N] [--workers N] [--external [--stores N]]",
    run: async (given, host) => {
      const asked =
        ["masters", "workers", "stores"].some((name) => given.values[name] !== undefined) ||
        given.values["external"] === true;
      if (!asked) {
        host.write(tableOf(usualTopologies));
        host.write("\n`cox plan --masters 3 --workers 3` draws one.\n");
        return;
      }
      const external = given.values["external"] === true;
      const masters = wholeNumberOf(given, {}, "masters", 1);
      const stores = wholeNumberOf(given, {}, "stores", external ? 3 : 0);
      if (masters === 0 || (external && stores === 0))
        throw new MachineError("a cluster has at least one master and one store member");
      const name = external ? "external store" : masters === 1 ? "one master" : "stacked";
      host.write(
        describeTopology({ name, masters, stores, workers: wholeNumberOf(given, {}, "workers", 0), external }),
      );
    },
  },
  certs: {
    usage: "cox certs list | renew",
    run: async (given, host) => certificates(given, host),
  },
  backup: {
    usage: "cox backup DIR        on a master; keep it as safe as a key",
    run: async (given, host) => {
      const [target] = given.words;
      if (target === undefined) throw new MachineError("where to? cox backup DIR");
      const bytes = await backUp(directoryOf(given, host.env), target, host.clock);
      host.write(`wrote ${target}: a snapshot of ${bytes} bytes and the cluster's keys\n`);
    },
  },
  restore: {
    usage: `cox restore DIR [--single]${machineFlags}`,
    run: async (given, host) => {
      const [source] = given.words;
      if (source === undefined) throw new MachineError("from where? cox restore DIR");
      const options = machineOptionsOf(given, host.env);
      const invitation = await restore(source, { ...options, tainted: !isSingle(given, host) }, portsOf(host));
      host.write(describeInvitation(options.directory, invitation, `https://${options.address}:${options.apiPort}`));
    },
  },
  setup: {
    usage: "cox setup        COXSWAIN_JOIN with COXSWAIN_TOKEN and COXSWAIN_CA_PIN joins, without it a cluster begins",
    run: async (given, host) => {
      const directory = directoryOf(given, host.env);
      if (readRecord(directory)) {
        const record = await resume(
          directory,
          valueOf(given, host.env, "token"),
          placementOf(given, host.env),
          portsOf(host),
        );
        host.write(`${record.name} is a ${record.role}; its files are up to date\n`);
        if (record.role === "master") showInvitation(record, directory, host);
        return;
      }
      const endpoint = valueOf(given, host.env, "join");
      const role = valueOf(given, host.env, "role") ?? "master";
      if (role !== "master" && role !== "worker" && role !== "store")
        throw new MachineError(`COXSWAIN_ROLE must be master, worker or store, found ${JSON.stringify(role)}`);
      if (endpoint !== undefined) return enter(endpoint, given, host, role === "master");
      if (role === "worker")
        throw new MachineError(
          "a worker joins a cluster: set COXSWAIN_JOIN, COXSWAIN_TOKEN and COXSWAIN_CA_PIN in .env",
        );
      // A line of .env that was lost must not make a second cluster of a machine that should join one.
      const alone = ["token", "ca-pin", "certificate-key"].find((name) => valueOf(given, host.env, name) !== undefined);
      if (alone !== undefined)
        throw new MachineError(
          `${variableOf(alone)} is set, but COXSWAIN_JOIN is not: give the line COXSWAIN_JOIN=https://MASTER:6443, too, or take all of them out to begin a new cluster`,
        );
      await begin(given, host, machineOptionsOf(given, host.env));
    },
  },
  keep: {
    usage: "cox keep [--dead-member-grace 5m]",
    run: async (given, host) => {
      const deadMemberGraceMs = durationOf(given, host.env, "dead-member-grace", 300_000);
      await keep(
        { directory: directoryOf(given, host.env), deadMemberGraceMs },
        { ...host, say: portsOf(host).say },
        host.signal,
      );
    },
  },
  health: {
    usage: "cox health",
    run: async (given, host) => {
      const directory = directoryOf(given, host.env);
      if (!existsSync(healthFile(directory))) throw new MachineError("the keeper has not been here yet");
      const complaints = readHealth(directory, host.clock.now());
      host.write(complaints.length === 0 ? "ok\n" : complaints.map((line) => `${line}\n`).join(""));
      return complaints.length === 0 ? 0 : 1;
    },
  },
};

/** Runs one; answers the exit code. Throws MachineError in one sentence. */
export async function runMachineCommand(argv: readonly string[], host: MachineHost): Promise<number> {
  const [name = "", ...rest] = argv;
  if (!isMachineCommand(name))
    throw new MachineError(
      `there is no command ${JSON.stringify(name)}; there are ${Object.keys(machineSummaries).join(", ")}`,
    );
  const command = machineCommands[name];
  const given = parseMachineArgs(rest);
  if (given.values["help"] === true) {
    host.write(`${machineSummaries[name]}.\n\n${command.usage}\n`);
    return 0;
  }
  return (await command.run(given, host)) ?? 0;
}

async function begin(given: Given, host: MachineHost, options: ReturnType<typeof machineOptionsOf>): Promise<void> {
  const stores = valueOf(given, host.env, "stores");
  if (stores !== undefined) {
    await initStore({ ...options, members: membersIn(stores) }, portsOf(host));
    host.write(
      `${options.name} is a host of the store; its authority is in ${filesOf(options.directory).cert("etcd-ca")} and .key: copy both to the other hosts of the store before \`cox init\` there\n`,
    );
    return;
  }
  refuseWithoutEngine(options.dockerSocket);
  const [ca, cert, key] = ["etcd-cafile", "etcd-certfile", "etcd-keyfile"].map((name) =>
    valueOf(given, host.env, name),
  );
  const etcdServers = (valueOf(given, host.env, "etcd-servers") ?? "").split(",").filter(Boolean);
  if (etcdServers.length > 0 && (ca === undefined || cert === undefined || key === undefined))
    throw new MachineError(
      "--etcd-servers needs --etcd-cafile, --etcd-certfile and --etcd-keyfile: the store is never spoken to in the clear",
    );
  const etcdFiles = ca !== undefined && cert !== undefined && key !== undefined ? { ca, cert, key } : undefined;
  const profile = profileNamed(valueOf(given, host.env, "profile"), "--profile");
  await init({ ...options, tainted: !isSingle(given, host), profile, etcdServers, etcdFiles }, portsOf(host));
  host.write(
    `${options.name} (${options.address}) is the first master; its daemons are started by compose or systemd.\n\n`,
  );
  showInvitation(mustReadRecord(options.directory), options.directory, host);
}

async function enter(endpoint: string, given: Given, host: MachineHost, asMaster: boolean): Promise<void> {
  const options = machineOptionsOf(given, host.env);
  refuseWithoutEngine(options.dockerSocket);
  const needed = (name: string): string => {
    const value = valueOf(given, host.env, name);
    if (value === undefined)
      throw new MachineError(`--${name} (${variableOf(name)}) is missing: \`cox invite\` on a master shows it`);
    return value;
  };
  if (!endpoint.split(",").every((url) => /^https:\/\/[^/]+$/.test(url)))
    throw new MachineError(
      `the cluster's address must look like https://10.0.0.1:6443, found ${JSON.stringify(endpoint)}`,
    );
  const certificateKey = asMaster ? needed("certificate-key") : undefined;
  const record = await joinCluster(
    {
      ...options,
      endpoint,
      token: needed("token"),
      pin: needed("ca-pin"),
      certificateKey,
      tainted: !isSingle(given, host),
    },
    portsOf(host),
  );
  host.write(
    `${record.name} (${record.address}) is a ${record.role} of the cluster at ${endpoint}; its daemons are started by compose or systemd\n`,
  );
}

async function certificates(given: Given, host: MachineHost): Promise<number> {
  const [verb = "list"] = given.words;
  const directory = directoryOf(given, host.env);
  const record = mustReadRecord(directory);
  if (verb === "renew") {
    const renewed =
      record.role === "worker"
        ? await ensureRequested(record, directory, valueOf(given, host.env, "token"), host, host.signal, true)
        : await ensureCertificates(record, directory, host.clock, true);
    writeMachine(record, directory);
    host.write(`renewed ${renewed.join(", ")}; the daemons take them up by themselves\n`);
    return 0;
  }
  if (verb !== "list") throw new MachineError(`certs knows list and renew, found ${JSON.stringify(verb)}`);
  const rows = listCertificates(directory, host.clock.now()).map(
    ({ name, subject, toMs, fromMs, daysLeft, isAuthority }) => [
      name,
      rfc3339(toMs),
      `${daysLeft}d`,
      isAuthority ? "never" : rfc3339(fromMs + (toMs - fromMs) / 3),
      subject,
    ],
  );
  const table = [["CERTIFICATE", "ENDS", "LEFT", "RENEWED BY ITSELF", "SUBJECT"], ...rows];
  const widths = table[0]?.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0))) ?? [];
  for (const row of table)
    host.write(
      `${row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("   ")
        .trimEnd()}\n`,
    );
  return 0;
}

function showInvitation(record: MachineRecord, directory: string, host: MachineHost): void {
  const invitation = readInvitation(directory, host.clock.now());
  if (invitation) host.write(describeInvitation(directory, invitation, endpointsOf(record)[0] ?? ""));
}

function mustBe(directory: string, role: MachineRecord["role"]): MachineRecord {
  const record = mustReadRecord(directory);
  if (record.role !== role) throw new MachineError(`${record.name} is a ${record.role}: this is done on a ${role}`);
  return record;
}

function isSingle(given: Given, host: MachineHost): boolean {
  return given.values["single"] === true || valueOf(given, host.env, "single") === "yes";
}

function portsOf(host: MachineHost) {
  return { ...host, say: (text: string): void => host.write(`${text}\n`) };
}
