// Follows a subPath inside a volume one part at a time, so that no symlink in it leads out. Parts that are missing are
// made. The answer is a path without links at the time of the look.
import { lstat, mkdir, realpath } from "node:fs/promises";
import { join } from "node:path";
import { AgentError } from "../../errors.ts";

export async function resolveSubPath(volume: string, parts: readonly string[]): Promise<string> {
  const root = await realpath(volume);
  let path = root;
  for (const part of parts) {
    const next = join(path, part);
    const found = await lstat(next).catch(() => undefined);
    if (!found) await mkdir(next, { mode: 0o750 }).catch(ignoreExisting);
    path = await realpath(next);
    if (path !== root && !path.startsWith(`${root}/`))
      throw new AgentError(
        "volume",
        `failed to prepare subPath for volumeMount: ${parts.join("/")} leads out of the volume`,
      );
  }
  return path;
}

function ignoreExisting(error: unknown): void {
  if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
}
