// Follows a subPath inside a volume one part at a time, so that no symlink in it leads out. Parts that are missing are
// made, with the rights of the volume itself. The answer is a path without links at the time of the look.
import { chmod, lstat, mkdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { AgentError } from "../../errors.ts";

export async function resolveSubPath(volume: string, parts: readonly string[]): Promise<string> {
  const root = await realpath(volume);
  const { mode } = await stat(root);
  let path = root;
  for (const part of parts) {
    const next = join(path, part);
    const found = await lstat(next).catch(() => undefined);
    if (!found) await make(next, mode & 0o7777);
    path = await realpath(next);
    if (path !== root && !path.startsWith(`${root}/`))
      throw new AgentError(
        "volume",
        `failed to prepare subPath for volumeMount: ${parts.join("/")} leads out of the volume`,
      );
  }
  return path;
}

/** The process's mask takes bits from what is made; whoever came first has given them already. */
async function make(path: string, mode: number): Promise<void> {
  try {
    await mkdir(path);
    await chmod(path, mode);
  } catch (error) {
    ignoreExisting(error);
  }
}

function ignoreExisting(error: unknown): void {
  if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
}
