// The types of a hostPath volume: what must be there, and what is made when it is not.
import { mkdir, open, stat } from "node:fs/promises";
import type { Stats } from "node:fs";
import { AgentError } from "../../errors.ts";

export async function ensureHostPath(path: string, type: string): Promise<void> {
  if (type === "") return;
  const found = await stat(path).catch(() => undefined);
  if (type === "DirectoryOrCreate" && !found) {
    await mkdir(path, { recursive: true, mode: 0o755 });
    return;
  }
  if (type === "FileOrCreate" && !found) {
    await (await open(path, "a", 0o644)).close();
    return;
  }
  const check = checks[type];
  if (!check) throw new AgentError("volume", `hostPath type ${JSON.stringify(type)} is not known`);
  if (!found || !check.is(found))
    throw new AgentError("volume", `hostPath type check failed: ${path} is not ${check.name}`);
}

const checks: Readonly<Record<string, { readonly name: string; readonly is: (found: Stats) => boolean }>> = {
  Directory: { name: "a directory", is: (found) => found.isDirectory() },
  DirectoryOrCreate: { name: "a directory", is: (found) => found.isDirectory() },
  File: { name: "a file", is: (found) => found.isFile() },
  FileOrCreate: { name: "a file", is: (found) => found.isFile() },
  Socket: { name: "a socket", is: (found) => found.isSocket() },
  CharDevice: { name: "a character device", is: (found) => found.isCharacterDevice() },
  BlockDevice: { name: "a block device", is: (found) => found.isBlockDevice() },
};
