// Reads a file that a pod has put in a volume of its own, for variables of its containers. The pod may change the volume meanwhile, and it may
// be hostile: links are followed as if the volume were all there is, and what was opened must lie in it and be a file.
import { constants } from "node:fs";
import { lstat, open, readlink, realpath } from "node:fs/promises";
import { join } from "node:path";
import type { EnvFile } from "../../core/container/env-file.ts";

const mostBytes = 1 << 20;
const mostLinks = 255;

export async function readEnvFile(volume: string, path: string): Promise<EnvFile> {
  const shown = join(volume, path);
  try {
    const root = await realpath(volume);
    const parts = await resolve(root, path.split("/"));
    if (!parts) return { path: shown, unreadable: `too many links in ${JSON.stringify(shown)}` };
    return await readFile(root, join(root, ...parts), shown);
  } catch (error) {
    // A part of the way that is a file is no way to one.
    if (hasCode(error, "ENOENT") || hasCode(error, "ENOTDIR")) return { path: shown, missing: true };
    if (hasCode(error, "ELOOP")) return { path: shown, unreadable: `${JSON.stringify(shown)} is changing` };
    throw error;
  }
}

/** The names that lead there from the root, without a link; undefined when links lead round and round. */
async function resolve(root: string, path: readonly string[]): Promise<readonly string[] | undefined> {
  const ahead = [...path];
  let behind: string[] = [];
  let links = 0;
  for (let part = ahead.shift(); part !== undefined; part = ahead.shift()) {
    if (part === "" || part === ".") continue;
    if (part === "..") {
      behind.pop();
      continue;
    }
    const next = join(root, ...behind, part);
    if (!(await lstat(next)).isSymbolicLink()) {
      behind.push(part);
      continue;
    }
    if (++links > mostLinks) return undefined;
    const target = await readlink(next);
    if (target.startsWith("/")) behind = [];
    ahead.unshift(...target.split("/"));
  }
  return behind;
}

async function readFile(root: string, path: string, shown: string): Promise<EnvFile> {
  // A pipe is opened without waiting for a writer, and then refused.
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  const said = JSON.stringify(shown);
  const found = await file.stat();
  const opened = await readlink(`/proc/self/fd/${file.fd}`);
  if (!found.isFile() || !opened.startsWith(`${root}/`)) return { path: shown, unreadable: `${said} is not a file` };
  const bytes = Buffer.alloc(Math.min(found.size, mostBytes + 1));
  let length = 0;
  while (length < bytes.length) {
    const { bytesRead } = await file.read(bytes, length, bytes.length - length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  if (length > mostBytes) return { path: shown, unreadable: `${said} is larger than ${mostBytes} bytes` };
  return { path: shown, text: bytes.toString("utf8", 0, length) };
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
