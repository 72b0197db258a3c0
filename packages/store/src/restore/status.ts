// What is in a snapshot file, with etcd's own checksum over it and in etcdctl's own forms.
import { crc32c, parseRevision } from "@coxswain/mvcc";
import { UsageError } from "@coxswain/daemon";
import type { Disk } from "../io/disk/disk.ts";
import { openSnapshot } from "./snapshot-file.ts";

export interface SnapshotStatus {
  /** CRC-32C over the buckets' names, keys and values, in order. */
  readonly hash: number;
  readonly revision: number;
  readonly totalKey: number;
  readonly totalSize: number;
  /** Of the storage format; empty before etcd 3.6. */
  readonly version: string;
}

export async function snapshotStatus(path: string, disk: Disk): Promise<SnapshotStatus> {
  await using file = await openSnapshot(path, disk, "ignored");
  let hash = 0;
  let revision = 0;
  let totalKey = 0;
  let version = "";
  for (const name of file.database.buckets) {
    hash = crc32c(hash, Buffer.from(name));
    for await (const [key, value] of file.database.pairs(name)) {
      hash = crc32c(crc32c(hash, key), value);
      totalKey++;
      if (name === "key") revision = parseRevision(key).main;
      if (name === "meta" && key.toString() === "storageVersion") version = value.toString();
    }
  }
  return { hash, revision, totalKey, totalSize: file.database.sizeBytes, version };
}

export function describeStatus(status: SnapshotStatus, form: string): string {
  const { hash, revision, totalKey, totalSize, version } = status;
  const cells = [hash.toString(16), String(revision), String(totalKey), humanBytes(totalSize), version];
  switch (form) {
    case "simple":
      return `${cells.join(", ")}\n`;
    case "json":
      return `${JSON.stringify(status)}\n`;
    case "fields":
      return `"Hash" : ${hash}\n"Revision" : ${revision}\n"Keys" : ${totalKey}\n"Size" : ${totalSize}\n"Version" : ${JSON.stringify(version)}\n`;
    case "table":
      return table(["HASH", "REVISION", "TOTAL KEYS", "TOTAL SIZE", "VERSION"], cells);
    default:
      throw new UsageError(`--write-out must be simple, json, fields or table, found ${JSON.stringify(form)}`);
  }
}

function table(heads: readonly string[], cells: readonly string[]): string {
  const widths = heads.map((head, column) => Math.max(head.length, cells[column]?.length ?? 0));
  const line = `+${widths.map((width) => "-".repeat(width + 2)).join("+")}+\n`;
  const centred = (text: string, width: number): string => {
    const left = Math.floor((width - text.length) / 2);
    return `${" ".repeat(left)}${text}${" ".repeat(width - text.length - left)}`;
  };
  const head = `| ${heads.map((text, column) => centred(text, widths[column] ?? 0)).join(" | ")} |\n`;
  const row = `| ${cells.map((text, column) => text.padStart(widths[column] ?? 0)).join(" | ")} |\n`;
  return line + head + line + row + line;
}

/** As etcd's tools write sizes: 66 kB, 2.1 MB. */
export function humanBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let size = bytes;
  let unit = 0;
  for (; size >= 1000 && unit < units.length - 1; unit++) size /= 1000;
  return `${unit > 0 && size < 10 ? size.toFixed(1) : Math.round(size)} ${units[unit]}`;
}
