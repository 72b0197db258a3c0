// A backup of a cluster: the store's snapshot and what every master has alike (authorities, the key of service accounts). With it the cluster
// is made again on other machines: new store, same identity, and revisions moved on so that no informer believes what it had seen.
import { spawn } from "node:child_process";
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Clock } from "@coxswain/clock";
import { rfc3339 } from "@coxswain/clock";
import {
  clusterFiles,
  ensureAuthorities,
  ensureCertificates,
  frontProxyFiles,
  sharedFilesOf,
  storeAuthorityFiles,
} from "./certificates.ts";
import { filesOf, storeServers } from "./daemons.ts";
import { MachineError } from "./failure.ts";
import { writeWhole } from "./files.ts";
import { createInvitation, writeInvitation } from "./invitation.ts";
import type { Invitation } from "./invitation.ts";
import { openStore } from "./members.ts";
import { profileNamed } from "./profiles.ts";
import type { MachineRecord } from "./record.ts";
import { mustReadRecord, readRecord, recordFile } from "./record.ts";
import { baseOf, spoken, writeMachine } from "./setup.ts";
import type { MachineOptions, SetupPorts } from "./setup.ts";

const snapshotName = "store.db";
/** Above what any client can have seen. */
const bump = 1_000_000_000;
/** With these no informer believes what it had seen. */
export const restoreFlags: readonly string[] = [`--bump-revision=${bump}`, "--mark-compacted"];

/** Writes a new directory; whole or not at all. Answers the snapshot's size. */
export async function backUp(directory: string, target: string, clock: Clock): Promise<number> {
  const record = mustReadRecord(directory);
  if (record.role !== "master")
    throw new MachineError(`${record.name} is a ${record.role}: a backup is made on a master`);
  if (existsSync(target)) throw new MachineError(`${target} exists: a backup is made into a new directory`);
  const part = `${target}.part`;
  rmSync(part, { recursive: true, force: true });
  mkdirSync(join(part, "pki"), { recursive: true, mode: 0o700 });
  const store = openStore(directory, storeServers(record), clock);
  let bytes = 0;
  try {
    const file = openSync(join(part, snapshotName), "wx", 0o600);
    for await (const { blob } of store.snapshot()) bytes += writeSync(file, blob);
    fsyncSync(file);
    closeSync(file);
  } finally {
    store.close();
  }
  for (const name of sharedFilesOf(directory))
    writeWhole(join(part, "pki", name), readFileSync(join(directory, "pki", name)), 0o600);
  writeWhole(
    join(part, "backup.json"),
    `${JSON.stringify({ madeAt: rfc3339(clock.now()), by: record.name, bytes, profile: record.profile })}\n`,
    0o600,
  );
  renameSync(part, target);
  return bytes;
}

/** Makes this machine the first master of the cluster that was backed up. */
export async function restore(
  source: string,
  options: MachineOptions & { readonly tainted: boolean },
  ports: SetupPorts,
): Promise<Invitation> {
  const { directory, name, address } = options;
  if (readRecord(directory))
    throw new MachineError(`this machine is already of a cluster (${recordFile(directory)}); \`cox reset\` first`);
  if (!existsSync(join(source, "backup.json"))) throw new MachineError(`${source} is no backup: it has no backup.json`);
  const { profile } = JSON.parse(readFileSync(join(source, "backup.json"), "utf8")) as { readonly profile?: string };
  const { store } = filesOf(directory);
  if (existsSync(store))
    throw new MachineError(`${store} holds the data of an earlier cluster: \`cox reset\` removes it`);
  // A store that was elsewhere becomes a member here, with an authority of its own.
  const isOwn = existsSync(join(source, "pki", "etcd-ca.key"));
  for (const file of [...clusterFiles, ...frontProxyFiles, ...(isOwn ? storeAuthorityFiles : [])]) {
    const from = join(source, "pki", file);
    // Older backups have none; then one is made.
    if (!existsSync(from) && frontProxyFiles.some((name) => name === file)) continue;
    if (!existsSync(from)) throw new MachineError(`the backup lacks ${file}`);
    writeWhole(join(directory, "pki", file), readFileSync(from), file.endsWith(".key") ? 0o600 : 0o644);
  }
  await ensureAuthorities(directory, ["etcd-ca"], ports.clock);
  const record: MachineRecord = {
    ...baseOf(options, "master"),
    tainted: options.tainted,
    ...spoken(profileNamed(profile, "backup.json")),
    masters: [{ name, address }],
    store: { kind: "member", state: "new", members: [{ name, address }] },
    restored: true,
  };
  await ensureCertificates(record, directory, ports.clock);
  await runStoreProgram([
    "snapshot",
    "restore",
    join(source, snapshotName),
    `--name=${name}`,
    `--data-dir=${store}`,
    `--initial-cluster=${name}=https://${address}:2380`,
    `--initial-advertise-peer-urls=https://${address}:2380`,
    `--initial-cluster-token=restored-${ports.clock.now()}`,
    ...restoreFlags,
  ]);
  const invitation = createInvitation(ports.clock, ports.random);
  writeInvitation(directory, invitation);
  writeMachine(record, directory);
  return invitation;
}

const storeEntry = fileURLToPath(new URL("../../../store/src/main.ts", import.meta.url));

/** The store's own program, for what is done while no member runs: only it knows its files. */
export function runStoreProgram(args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [storeEntry, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    child.stderr.on("data", (chunk: Buffer) => (text += chunk.toString()));
    child.once("error", reject);
    child.once("exit", (code) => {
      if (code === 0) resolve();
      else reject(new MachineError(`the store cannot be made anew: ${text.trim().split("\n").at(-1) ?? ""}`));
    });
  });
}
