// Makes a machine one of a cluster: the first (`init`), a further one (`join`), or again the one it was. The record is written last, so
// whatever is interrupted is done again by the same command; daemons are started by who called (compose, systemd, a person).
import { existsSync, readFileSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Clock, Random } from "@coxswain/clock";
import { createClient } from "@coxswain/client";
import { authorityNames } from "@coxswain/pki";
import { paths, read } from "./api.ts";
import { ensureAuthorities, ensureCertificates, sharedFiles } from "./certificates.ts";
import { daemonsOf, filesOf, kubeconfigText, kubeconfigsOf, storeServers } from "./daemons.ts";
import { discover } from "./discovery.ts";
import { MachineError } from "./failure.ts";
import { writeIfChanged, writeWhole } from "./files.ts";
import { createInvitation, readInvitation, sharedSecretName, unseal, writeInvitation } from "./invitation.ts";
import type { Invitation } from "./invitation.ts";
import { admit, listMembers, openStore } from "./members.ts";
import { profileNamed } from "./profiles.ts";
import type { Profile } from "./profiles.ts";
import type { MachineRecord, NamedAddress, OptionalDaemon, StorePlace } from "./record.ts";
import { endpointsOf, mustReadRecord, readRecord, recordFile, writeRecord } from "./record.ts";
import { ensureRequested } from "./requests.ts";
import { staticPodOf } from "./static-pods.ts";

export interface MachineOptions extends Placement {
  readonly directory: string;
  readonly name: string;
  readonly address: string;
  readonly apiPort: number;
  readonly apiHosts: readonly string[];
  readonly dockerSocket: string;
  readonly resolvConf: string;
}

/** What does not run as a process of its own: daemons that the cluster brings, and a control plane of static pods. */
export interface Placement {
  readonly without: readonly OptionalDaemon[];
  readonly staticPods?: { readonly image: string };
}

export interface SetupPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
  readonly say: (text: string) => void;
}

export interface InitOptions extends MachineOptions {
  /** Keep plain pods off this machine. */
  readonly tainted: boolean;
  readonly profile: Profile;
  /** A store elsewhere; empty: a member here. */
  readonly etcdServers: readonly string[];
  /** The store's authority and a client certificate, where the store is elsewhere and not of our making. */
  readonly etcdFiles?: { readonly ca: string; readonly cert: string; readonly key: string } | undefined;
}

/** The first control-plane machine of a new cluster. */
export async function init(options: InitOptions, ports: SetupPorts): Promise<Invitation> {
  const { directory, name, address } = options;
  const before = readRecord(directory);
  if (before)
    throw new MachineError(
      `this machine is already ${before.role === "worker" ? "a worker" : `the ${before.role} ${before.name}`} of a cluster (${recordFile(directory)}); \`cox reset\` makes it leave`,
    );
  refuseForeignData(directory);
  await ensureAuthorities(directory, authorityNames, ports.clock);
  const { cert, key } = filesOf(directory);
  if (options.etcdFiles) {
    const { etcdFiles } = options;
    const copies = [
      [etcdFiles.ca, cert("etcd-ca"), 0o644],
      [etcdFiles.cert, cert("apiserver-etcd-client"), 0o644],
      [etcdFiles.key, key("apiserver-etcd-client"), 0o600],
    ] as const;
    for (const [from, to, mode] of copies) writeWhole(to, readGiven(from), mode);
    // Who signs the store's certificates is elsewhere, too.
    rmSync(key("etcd-ca"), { force: true });
  }
  const store: StorePlace =
    options.etcdServers.length > 0
      ? { kind: "external", servers: options.etcdServers }
      : { kind: "member", state: "new", members: [{ name, address }] };
  const record: MachineRecord = {
    ...baseOf(options, "master"),
    tainted: options.tainted,
    ...spoken(options.profile),
    masters: [{ name, address }],
    store,
  };
  await ensureCertificates(record, directory, ports.clock);
  const invitation = readInvitation(directory, ports.clock.now()) ?? createInvitation(ports.clock, ports.random);
  writeInvitation(directory, invitation);
  writeMachine(record, directory);
  return invitation;
}

/** A host of the store alone, one of `members`; the first makes the authority, the others are given its files. */
export async function initStore(
  options: MachineOptions & { readonly members: readonly NamedAddress[] },
  ports: SetupPorts,
): Promise<void> {
  const { directory, name, members } = options;
  if (readRecord(directory))
    throw new MachineError(`this machine is already set up (${recordFile(directory)}); \`cox reset\` first`);
  refuseForeignData(directory);
  if (!members.some((member) => member.name === name))
    throw new MachineError(
      `${name} is not among the store's members: ${members.map((member) => member.name).join(", ")}`,
    );
  await ensureAuthorities(directory, ["etcd-ca"], ports.clock);
  const record: MachineRecord = {
    ...baseOf(options, "store"),
    tainted: false,
    masters: [],
    store: { kind: "member", state: "new", members },
  };
  await ensureCertificates(record, directory, ports.clock);
  writeMachine(record, directory);
}

export interface JoinOptions extends MachineOptions {
  readonly endpoint: string;
  readonly token: string;
  readonly pin: string;
  /** Given: as a master. */
  readonly certificateKey?: string | undefined;
  readonly tainted: boolean;
}

export async function joinCluster(options: JoinOptions, ports: SetupPorts): Promise<MachineRecord> {
  const { directory, name, address, token, certificateKey } = options;
  const { clock, signal } = ports;
  const before = readRecord(directory);
  if (before)
    throw new MachineError(
      `this machine is already ${before.name} of a cluster (${recordFile(directory)}); \`cox reset\` makes it leave`,
    );
  refuseForeignData(directory);
  const found = await discover(options, clock, signal);
  const client = createClient(
    { servers: found.servers, ca: { data: found.authority }, token: { data: token }, userAgent: "cox-join" },
    { clock },
  );
  try {
    await refuseTakenName(options, async (path) => await read(client, path, signal));
    const settings = ((await read(client, paths.configMap("coxswain-config"), signal)) ?? {}) as {
      data?: Record<string, string>;
    };
    const masters = mastersIn(settings.data ?? {});
    const role = certificateKey === undefined ? "worker" : "master";
    const apiPort = Number(settings.data?.["apiPort"] ?? options.apiPort);
    const tainted = role === "master" && options.tainted;
    const base = {
      ...baseOf(options, role),
      apiPort,
      tainted,
      ...spoken(profileNamed(settings.data?.["profile"], "coxswain-config")),
    } as const;
    if (certificateKey === undefined) {
      writeWhole(filesOf(directory).cert("kubernetes-ca"), found.authority, 0o644);
      const record: MachineRecord = { ...base, masters };
      await ensureRequested(record, directory, token, ports, signal, true);
      writeMachine(record, directory);
      return record;
    }
    await fetchSharedFiles(
      directory,
      certificateKey,
      async () => await read(client, paths.secret(sharedSecretName), signal),
    );
    const everyone = [...masters.filter((master) => master.name !== name), { name, address }];
    const external = (settings.data?.["etcdServers"] ?? "").split(",").filter(Boolean);
    const draft: MachineRecord = {
      ...base,
      masters: everyone,
      store:
        external.length > 0
          ? { kind: "external", servers: external }
          : { kind: "member", state: "existing", members: [{ name, address }] },
    };
    await ensureCertificates(draft, directory, clock);
    if (external.length > 0) {
      writeMachine(draft, directory);
      return draft;
    }
    const others = masters
      .filter((master) => master.address !== address)
      .map((master) => `https://${master.address}:2379`);
    const members = await admit(directory, others, { name, address }, clock);
    const record: MachineRecord = { ...draft, store: { kind: "member", state: "existing", members } };
    writeMachine(record, directory);
    return record;
  } finally {
    await client.close();
  }
}

/** A machine that was set up before: its files are made true again, and a master that was removed from the store while it was away comes back. */
export async function resume(
  directory: string,
  token: string | undefined,
  placement: Placement,
  ports: SetupPorts,
): Promise<MachineRecord> {
  const { clock, say, signal } = ports;
  const { without: _without, staticPods: _staticPods, ...rest } = mustReadRecord(directory);
  let record: MachineRecord = { ...rest, ...placed(placement, rest.role) };
  const renewed =
    record.role === "worker"
      ? await ensureRequested(record, directory, token, ports, signal)
      : await ensureCertificates(record, directory, clock);
  if (renewed.length > 0) say(`renewed certificates: ${renewed.join(", ")}`);
  if (record.store?.kind === "member" && record.role === "master") record = await comeBack(record, directory, ports);
  writeMachine(record, directory);
  return record;
}

async function comeBack(record: MachineRecord, directory: string, { clock, say }: SetupPorts): Promise<MachineRecord> {
  const { name, address, store: place } = record;
  const others = storeServers(record).filter((url) => url !== `https://${address}:2379`);
  const known = record.masters
    .filter((master) => master.name !== name)
    .map((master) => `https://${master.address}:2379`);
  const servers = [...new Set([...others, ...known])];
  if (servers.length === 0 || place?.kind !== "member") return record;
  const store = openStore(directory, servers, clock);
  try {
    const members = await listMembers(store);
    if (members.some(({ peerURLs }) => peerURLs.includes(`https://${address}:2380`))) return record;
  } catch {
    // Nobody answers: perhaps all start together. Then what is on the disk decides.
    return record;
  } finally {
    store.close();
  }
  const old = filesOf(directory).store;
  if (existsSync(old)) {
    const aside = `${old}.removed-${clock.now()}`;
    renameSync(old, aside);
    say(`the store has gone on without this machine; its old data is kept in ${aside}`);
  }
  const members = await admit(directory, servers, { name, address }, clock);
  return { ...record, store: { kind: "member", state: "existing", members } };
}

/** Flags and kubeconfigs, then the record. */
export function writeMachine(record: MachineRecord, directory: string): void {
  const { cert, key, kubeconfig, flags, manifest, at } = filesOf(directory);
  for (const daemon of daemonsOf(record, directory)) {
    const pod = record.staticPods && staticPodOf(daemon, record, record.staticPods.image, directory);
    // The node agent runs what has a manifest; a daemon without flags stays off.
    if (pod) {
      writeIfChanged(manifest(daemon.name), `${JSON.stringify(pod, null, 2)}\n`, 0o600);
      rmSync(flags(daemon.name), { force: true });
    } else {
      rmSync(manifest(daemon.name), { force: true });
      writeIfChanged(flags(daemon.name), `${daemon.flags.join("\n")}\n`, 0o644);
    }
  }
  for (const name of record.without ?? []) rmSync(flags(name), { force: true });
  const servers = endpointsOf(record);
  for (const { name, user, certificate = name } of kubeconfigsOf(record)) {
    const given = { servers, user: { name: user, certFile: cert(certificate), keyFile: key(certificate) } };
    // People copy theirs to other machines, so it holds everything itself.
    const text =
      name === "admin"
        ? kubeconfigText({
            ...given,
            authority: { data: readFileSync(cert("kubernetes-ca"), "utf8") },
            inline: { cert: readFileSync(cert(name), "utf8"), key: readFileSync(key(name), "utf8") },
          })
        : kubeconfigText({ ...given, authority: { file: cert("kubernetes-ca") } });
    writeIfChanged(kubeconfig(name), text, 0o600);
  }
  writeIfChanged(at("cache", ".keep"), "", 0o644);
  if (JSON.stringify(readRecord(directory)) !== JSON.stringify(record)) writeRecord(directory, record);
}

export function mastersIn(data: Readonly<Record<string, string>>): readonly NamedAddress[] {
  return Object.entries(data)
    .filter(([name]) => name.startsWith("master."))
    .map(([name, address]) => ({ name: name.slice("master.".length), address }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function refuseTakenName(
  { name, address }: MachineOptions,
  get: (path: string) => Promise<unknown>,
): Promise<void> {
  const node = (await get(paths.node(name))) as
    | { status?: { addresses?: { type: string; address: string }[]; conditions?: { type: string; status: string }[] } }
    | undefined;
  const ready = node?.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True");
  const where = node?.status?.addresses?.find(({ type }) => type === "InternalIP")?.address;
  if (ready && where !== address)
    throw new MachineError(
      `the cluster already has a living machine called ${name} (at ${where ?? "an unknown address"}): give this one another --name (COXSWAIN_NAME)`,
    );
}

async function fetchSharedFiles(directory: string, certificateKey: string, get: () => Promise<unknown>): Promise<void> {
  const secret = (await get()) as { data?: Record<string, string> } | undefined;
  if (!secret?.data)
    throw new MachineError(
      "the cluster does not offer the masters' files any more: `cox invite` on a master offers them again",
    );
  const opened = sharedFiles
    .filter((name) => secret.data?.[name] !== undefined)
    .map((name) => [name, unseal(Buffer.from(secret.data?.[name] ?? "", "base64"), certificateKey)] as const);
  for (const [name, text] of opened)
    writeWhole(join(directory, "pki", name), text, name.endsWith(".key") ? 0o600 : 0o644);
}

function refuseForeignData(directory: string): void {
  const store = filesOf(directory).store;
  if (existsSync(store) && readdirSync(store).length > 0)
    throw new MachineError(`${store} holds the data of an earlier cluster: \`cox reset\` removes it`);
}

function readGiven(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new MachineError(`cannot read ${file}: ${(cause as Error).message}`, { cause });
  }
}

/** The default is not spoken of. */
export function spoken(profile: Profile): { readonly profile?: Profile } {
  return profile === "default" ? {} : { profile };
}

/** What a machine's record says of itself, whatever the cluster. */
export function baseOf<Role extends MachineRecord["role"]>(options: MachineOptions, role: Role) {
  const { name, address, apiPort, apiHosts, dockerSocket, resolvConf } = options;
  return { role, name, address, apiPort, apiHosts, dockerSocket, resolvConf, ...placed(options, role) };
}

/** What is as usual is not spoken of; only a master has daemons that may be static pods. */
function placed(
  { without, staticPods }: Placement,
  role: MachineRecord["role"],
): Pick<MachineRecord, "without" | "staticPods"> {
  return {
    ...(without.length === 0 ? {} : { without }),
    ...(staticPods !== undefined && role === "master" ? { staticPods } : {}),
  };
}
