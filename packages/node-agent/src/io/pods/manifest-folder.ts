// Pods from the manifests of a directory (or one file): told by the kernel of changes, read again from time to time in case
// it did not tell. A manifest that cannot be read leaves the pods of its last good version as they are: somebody may be in
// the middle of writing it.
import { createHash } from "node:crypto";
import { watch } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Pod } from "@coxswain/api/core/v1";
import type { Clock } from "@coxswain/clock";
import type { Logger } from "@coxswain/daemon";
import { staticPods } from "../../core/pod/static-pod.ts";
import type { ManifestOrigin } from "../../core/pod/static-pod.ts";
import { messageOf } from "../../errors.ts";
import { manifestDocuments, mostManifestBytes } from "./manifest-text.ts";
import type { PodSource } from "./static-pods.ts";

/** Changes that come together are read together. */
const settleMs = 50;

export function createManifestFolder(
  config: {
    readonly path: string;
    readonly source: "file" | "http";
    readonly nodeName: string;
    readonly checkMs: number;
  },
  ports: { readonly clock: Clock; readonly log: Logger },
): PodSource {
  const { clock, log } = ports;
  const { path: root, nodeName } = config;
  const known = new Map<string, { readonly text: string; readonly pods: readonly Pod[] }>();

  const readOne = async (path: string): Promise<void> => {
    try {
      if ((await stat(path)).size > mostManifestBytes)
        throw new Error(`the manifest has more than ${mostManifestBytes} bytes`);
      const text = await readFile(path, "utf8");
      if (known.get(path)?.text === text) return;
      const origin = { source: config.source, place: path, nodeName, nowMs: clock.now(), hash };
      const { pods, errors } = podsIn(text, origin);
      for (const error of errors) log.warn({ path, err: error }, "a manifest cannot be used");
      // Half a manifest, or one with a slip in it, stops nothing.
      if (pods.length > 0 || errors.length === 0) known.set(path, { text, pods });
    } catch (error) {
      if (isAbsent(error)) known.delete(path);
      else log.warn({ path, err: messageOf(error) }, "a manifest cannot be read");
    }
  };

  const readAll = async (): Promise<readonly Pod[]> => {
    const paths = await manifestPaths(root);
    for (const path of known.keys()) if (!paths.includes(path)) known.delete(path);
    for (const path of paths) await readOne(path);
    return [...known.values()].flatMap(({ pods }) => pods);
  };

  return {
    name: config.path,
    async run(report, signal) {
      let wake = Promise.withResolvers<void>();
      let watcher: ReturnType<typeof watch> | undefined;
      const look = (): void => {
        // The directory may come later, or be replaced; then it is watched from the next look on.
        if (watcher) return;
        try {
          watcher = watch(root, () => wake.resolve());
          watcher.on("error", () => forget()).on("close", () => forget());
        } catch (error) {
          if (!isAbsent(error)) log.warn({ path: root, err: messageOf(error) }, "the manifests cannot be watched");
        }
      };
      const forget = (): void => {
        const old = watcher;
        watcher = undefined;
        old?.close();
        wake.resolve();
      };
      try {
        while (!signal.aborted) {
          wake = Promise.withResolvers();
          if (watcher && !(await isPresent(root))) forget();
          look();
          try {
            report(await readAll());
          } catch (error) {
            log.warn({ path: root, err: messageOf(error) }, "the manifests cannot be listed");
          }
          await Promise.race([wake.promise, clock.sleep(config.checkMs, signal).catch(() => undefined)]);
          await clock.sleep(settleMs, signal).catch(() => undefined);
        }
      } finally {
        watcher?.close();
      }
    },
  };
}

/** Every document's pods, and what is wrong with the others. */
export function podsIn(
  text: string,
  origin: ManifestOrigin,
): { readonly pods: readonly Pod[]; readonly errors: readonly string[] } {
  const parsed = manifestDocuments(text);
  if ("error" in parsed) return { pods: [], errors: [parsed.error] };
  const results = parsed.documents.flatMap((document) => staticPods(document, origin));
  return {
    pods: results.flatMap((result) => ("pod" in result ? [result.pod] : [])),
    errors: results.flatMap((result) => ("error" in result ? [result.error] : [])),
  };
}

export function hash(text: string): string {
  return createHash("md5").update(text).digest("hex");
}

async function manifestPaths(root: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(root, { withFileTypes: true });
    const names = entries
      .filter((entry) => !entry.isDirectory() && !entry.name.startsWith("."))
      .map(({ name }) => name);
    return names.toSorted().map((name) => join(root, name));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOTDIR") return [root];
    if (isAbsent(error)) return [];
    throw error;
  }
}

async function isPresent(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
