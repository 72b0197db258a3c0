// Writes a payload so that a reader sees all of the old files or all of the new ones: a fresh directory, one symlink
// swapped by rename, names in the volume pointing through it. The layout is the kubelet's (AtomicWriter).
import {
  chmod,
  lchown,
  lstat,
  mkdir,
  readFile,
  readdir,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Payload } from "../../core/volume/payload.ts";

const dataLink = "..data";

/** Does nothing when the files are as wanted already. `stamp` names the new directory; it must be fresh. */
export async function writePayload(
  directory: string,
  payload: Payload,
  stamp: string,
  groupId: number | undefined,
): Promise<boolean> {
  await mkdir(directory, { recursive: true, mode: 0o755 });
  const previous = await readlink(join(directory, dataLink)).catch(() => undefined);
  if (previous !== undefined && (await holds(join(directory, previous), payload))) return false;
  const name = `..${stamp}`;
  const fresh = join(directory, name);
  try {
    await writeFiles(fresh, payload, groupId);
    const swap = join(directory, `${dataLink}_tmp`);
    await rm(swap, { force: true });
    await symlink(name, swap);
    await rename(swap, join(directory, dataLink));
  } catch (error) {
    // A full disk, or two files of which one is to be below the other: tried again and again, it must not pile up.
    await rm(fresh, { recursive: true, force: true });
    throw error;
  }
  await linkNames(directory, payload);
  if (previous !== undefined) await rm(join(directory, previous), { recursive: true, force: true });
  return true;
}

async function writeFiles(fresh: string, payload: Payload, groupId: number | undefined): Promise<void> {
  await mkdir(fresh, { mode: 0o755 });
  for (const [path, file] of payload) {
    const target = join(fresh, path);
    await mkdir(dirname(target), { recursive: true, mode: 0o755 });
    await writeFile(target, file.bytes, { flag: "wx" });
    if (groupId !== undefined) await lchown(target, 0, groupId);
    // After the owner: changing that clears bits. A group that is to read gets the owner's reading bits.
    await chmod(target, groupId === undefined ? file.mode : file.mode | ((file.mode & 0o500) >> 3));
  }
}

/** Whether a payload was ever written here. */
export async function hasPayload(directory: string): Promise<boolean> {
  return lstat(join(directory, dataLink)).then(
    () => true,
    () => false,
  );
}

async function linkNames(directory: string, payload: Payload): Promise<void> {
  const wanted = new Set([...payload.keys()].map((path) => path.split("/")[0] ?? path));
  const present = (await readdir(directory)).filter((name) => !name.startsWith(".."));
  for (const name of present) if (!wanted.has(name)) await rm(join(directory, name), { force: true });
  for (const name of wanted) if (!present.includes(name)) await symlink(join(dataLink, name), join(directory, name));
}

async function holds(directory: string, payload: Payload): Promise<boolean> {
  const files = await filesBelow(directory, "");
  if (files.length !== payload.size) return false;
  for (const [path, file] of payload) {
    const bytes = await readFile(join(directory, path)).catch(() => undefined);
    if (!bytes?.equals(file.bytes)) return false;
    if (((await stat(join(directory, path))).mode & file.mode) !== file.mode) return false;
  }
  return true;
}

async function filesBelow(root: string, path: string): Promise<string[]> {
  const entries = await readdir(join(root, path), { withFileTypes: true }).catch(() => []);
  const nested = await Promise.all(
    entries.map(async (entry) =>
      entry.isDirectory() ? filesBelow(root, join(path, entry.name)) : [join(path, entry.name)],
    ),
  );
  return nested.flat();
}
