// What `recover` says to the person in front of it: a row for each directory, then the verdict in sentences.
import { StoreError } from "../errors.ts";
import { readSurvivor } from "./survivor.ts";
import type { Survivor, SurvivorPorts } from "./survivor.ts";
import type { Rebuilt } from "./rebuild.ts";
import type { Unreadable, Verdict } from "./verdict.ts";

/** Reads all directories; those that cannot be read are told apart with the reason. */
export async function inspect(
  directories: readonly string[],
  ports: SurvivorPorts,
): Promise<{ survivors: readonly Survivor[]; unreadable: readonly Unreadable[] }> {
  const survivors: Survivor[] = [];
  const unreadable: Unreadable[] = [];
  for (const directory of directories) {
    try {
      survivors.push(await readSurvivor(directory, ports));
    } catch (error) {
      // A member that runs is not to be looked at, let alone replaced.
      if (!(error instanceof StoreError) || error.code === "data-dir-in-use") throw error;
      unreadable.push({ directory, reason: error.message });
    }
  }
  return { survivors, unreadable };
}

export function describeSurvivors(survivors: readonly Survivor[], unreadable: readonly Unreadable[]): string {
  const heads = ["DIRECTORY", "MEMBER", "NAME", "TERM", "LAST ENTRY", "COMMITTED", "APPLIED", "REVISION"];
  const rows = survivors.map(({ directory, identity, members, last, commit, applied, revision }) => [
    directory,
    identity.memberId.toString(16),
    members.get(identity.memberId)?.name ?? "",
    String(last.term),
    String(last.index),
    String(commit),
    String(applied),
    String(revision),
  ]);
  const widths = heads.map((head, column) => Math.max(head.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `${cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd()}\n`;
  const unread = unreadable.map(({ directory, reason }) => `${directory} cannot be read: ${reason}\n`);
  return [heads, ...rows].map(line).join("") + unread.join("");
}

export function describeVerdict({ findings, objections }: Verdict): string {
  return [...findings, ...objections.map((objection) => `in the way: ${objection}`)]
    .map((sentence) => `- ${sentence}\n`)
    .join("");
}

export function describeRebuilt(dataDir: string, rebuilt: Rebuilt): string {
  const { memberId, clusterId, keys, oldRevision, revision } = rebuilt;
  return (
    `made ${dataDir}: member ${memberId.toString(16)} of the new cluster ${clusterId.toString(16)}, verified to hold ${keys} keys; ` +
    `its revision is ${revision} instead of ${oldRevision}, and everything before is compacted, so that every watcher lists again\n` +
    `start it with the same --name, --initial-cluster and --initial-cluster-token, then add new members one by one\n`
  );
}
