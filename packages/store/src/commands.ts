// What the store's program does besides running: its command lines, under etcd's own names and defaults. Each parses and calls one function.
import { StartError, UsageError, defineCommand, defineFlags } from "@coxswain/daemon";
import type { Command } from "@coxswain/daemon";
import { membersOf } from "./config.ts";
import { openLevelBackend } from "./io/backend/level-backend.ts";
import { systemDisk } from "./io/disk/system-disk.ts";
import { describeRebuilt, describeSurvivors, describeVerdict, inspect } from "./recover/report.ts";
import { rebuildMember } from "./recover/rebuild.ts";
import { judge } from "./recover/verdict.ts";
import { restoreSnapshot } from "./restore/restore.ts";
import { describeStatus, snapshotStatus } from "./restore/status.ts";

const ports = { disk: systemDisk, openBackend: openLevelBackend };

const beginningFlags = defineFlags({
  name: { type: "string", default: "default", help: "Human-readable name of this member" },
  "data-dir": { type: "string", default: "", help: "Directory to make (default NAME.etcd); must not hold anything" },
  "initial-cluster": {
    type: "string",
    default: "",
    help: "The first members, as name=peer-url,… (default: this one)",
  },
  "initial-cluster-token": { type: "string", default: "etcd-cluster", help: "Keeps clusters with equal URLs apart" },
  "initial-advertise-peer-urls": {
    type: "list",
    default: ["http://localhost:2380"],
    help: "Peer URLs to tell the rest of the cluster",
  },
});

const status = defineCommand({
  name: "snapshot status",
  summary: "Says what is in a snapshot file, of this store or of etcd.",
  takes: ["FILE"],
  flags: defineFlags({
    "write-out": { type: "string", short: "w", default: "simple", help: "simple, table, json or fields" },
  }),
  run: async (flags, [file = ""], { print }) => {
    print(describeStatus(await snapshotStatus(file, systemDisk), flags["write-out"]));
  },
});

const restore = defineCommand({
  name: "snapshot restore",
  summary: "Makes the data directory of a new cluster's member from a snapshot file, of this store or of etcd.",
  takes: ["FILE"],
  flags: defineFlags({
    ...beginningFlags,
    "skip-hash-check": {
      type: "boolean",
      default: false,
      help: "Ignore the file's hash; needed for one that was copied from a data directory",
    },
    "bump-revision": { type: "number", default: 0, help: "How much to add to the newest revision" },
    "mark-compacted": {
      type: "boolean",
      default: false,
      help: "Compact everything up to the newest revision (required if --bump-revision > 0, disallowed otherwise)",
    },
  }),
  run: async (flags, [file = ""], { print }) => {
    const bumpRevision = flags["bump-revision"];
    if (flags["mark-compacted"] !== bumpRevision > 0)
      throw new UsageError("--mark-compacted required if --bump-revision > 0, disallowed otherwise");
    const restored = await restoreSnapshot(
      {
        ...beginningOf(flags),
        file,
        hash: flags["skip-hash-check"] ? "ignored" : "required",
        bumpRevision,
        markCompacted: flags["mark-compacted"],
      },
      ports,
    );
    print(
      `restored ${file} at revision ${restored.revision} as member ${restored.memberId.toString(16)} of cluster ${restored.clusterId.toString(16)}\n`,
    );
  },
});

/** Above what any client can have seen of a store that ran for years. */
const defaultBump = 1_000_000_000;

const recover = defineCommand({
  name: "recover",
  summary:
    "Looks at the data directories that are left of a lost majority, says what could be lost, and with --data-dir makes one new member of the newest.",
  takes: ["DIR..."],
  flags: defineFlags({
    ...beginningFlags,
    "data-dir": { type: "string", default: "", help: "Directory to make; without it nothing is changed" },
    from: { type: "string", default: "", help: "The directory to go on from (default: the newest)" },
    "bump-revision": { type: "number", default: defaultBump, help: "How much to add to the newest revision" },
    force: { type: "boolean", default: false, help: "Do it against what is said to be in the way" },
  }),
  run: async (flags, directories, { print, clock }) => {
    const { survivors, unreadable } = await inspect(directories, ports);
    print(describeSurvivors(survivors, unreadable));
    const verdict = judge(survivors, unreadable, flags.from || undefined);
    if ("refused" in verdict) throw new StartError(verdict.refused);
    print(describeVerdict(verdict));
    if (!flags["data-dir"]) return print("nothing was changed: give --data-dir to make a new member\n");
    if (verdict.objections.length > 0 && !flags.force)
      throw new StartError(`${verdict.objections[0]} (--force does it all the same)`);
    const bumpRevision = flags["bump-revision"];
    if (!Number.isSafeInteger(bumpRevision) || bumpRevision < 1)
      throw new UsageError(`--bump-revision must be a whole number above 0, found ${bumpRevision}`);
    const rebuilt = await rebuildMember(
      { ...beginningOf(flags), source: verdict.source, bumpRevision },
      { ...ports, clock },
    );
    print(describeRebuilt(flags["data-dir"], rebuilt));
  },
});

export const commands: readonly Command[] = [status, restore, recover];

function beginningOf(flags: {
  readonly name: string;
  readonly "data-dir": string;
  readonly "initial-cluster": string;
  readonly "initial-cluster-token": string;
  readonly "initial-advertise-peer-urls": readonly string[];
}) {
  const { name } = flags;
  const advertised = flags["initial-advertise-peer-urls"];
  const members = membersOf(flags["initial-cluster"] || advertised.map((url) => `${name}=${url}`).join(","));
  const own = members.find((member) => member.name === name);
  if (!own)
    throw new UsageError(`couldn't find local name ${JSON.stringify(name)} in the initial cluster configuration`);
  if ([...own.peerUrls].sort().join() !== [...advertised].sort().join())
    throw new UsageError(
      `--initial-cluster has ${name}=${own.peerUrls.join(",")} but --initial-advertise-peer-urls is ${advertised.join(",")}`,
    );
  return {
    name,
    dataDir: flags["data-dir"] || `${name}.etcd`,
    initial: { members, state: "new" as const, token: flags["initial-cluster-token"] },
  };
}
