// Removes images that nobody needs, when their file system is fuller than it should be. Remembers when each was seen in use;
// after a restart everything counts as used just now.
import type { Clock } from "@coxswain/clock";
import { isRuntimeError } from "@coxswain/container-runtime";
import type { ContainerRuntime } from "@coxswain/container-runtime";
import type { Logger } from "@coxswain/daemon";
import { bytesToFree, imagesToRemove } from "../../core/gc/images.ts";
import type { KnownImage } from "../../core/gc/images.ts";
import type { FileSystemUsage } from "../../core/stats/usage.ts";

export interface ImageCollector {
  run(signal: AbortSignal): Promise<void>;
  /** Removes every image that may go; resolves with the bytes of those that went. */
  reclaimAll(signal: AbortSignal): Promise<number>;
}

/** The kubelet's ImageGCPeriod. */
const periodMs = 300_000;

export function createImageCollector(
  settings: {
    readonly highPercent: number;
    readonly lowPercent: number;
    readonly leastAgeMs: number;
    readonly pinned: readonly string[];
  },
  ports: {
    readonly clock: Clock;
    readonly log: Logger;
    readonly runtime: Pick<ContainerRuntime, "listImages" | "removeImage">;
    /** Ids of the images that containers run of. */
    readonly used: () => Promise<ReadonlySet<string>>;
    readonly imageFs: () => Promise<FileSystemUsage>;
    readonly tellNode: (type: "Warning", reason: string, message: string) => void;
  },
): ImageCollector {
  const { clock, log, runtime } = ports;
  const seen = new Map<string, { readonly firstSeenMs: number; lastUsedMs: number }>();

  const look = async (signal: AbortSignal): Promise<readonly KnownImage[]> => {
    const [images, used] = await Promise.all([runtime.listImages(signal), ports.used()]);
    const nowMs = clock.now();
    const ids = new Set(images.map((image) => image.id));
    for (const id of seen.keys()) if (!ids.has(id)) seen.delete(id);
    return images.map((image) => {
      const entry = seen.get(image.id) ?? { firstSeenMs: nowMs, lastUsedMs: nowMs };
      seen.set(image.id, entry);
      const isUsed = used.has(image.id);
      if (isUsed) entry.lastUsedMs = nowMs;
      return { ...image, ...entry, isUsed };
    });
  };

  const free = async (bytes: number, signal: AbortSignal): Promise<number> => {
    const images = await look(signal);
    let freed = 0;
    for (const image of imagesToRemove({ ...settings, images, nowMs: clock.now() }, bytes)) {
      try {
        for (const name of image.tags.length > 0 ? image.tags : [image.id]) await runtime.removeImage(name, signal);
        freed += image.sizeBytes;
        log.info({ image: image.tags[0] ?? image.id, sizeBytes: image.sizeBytes }, "an unused image was removed");
      } catch (error) {
        // A container of somebody else's holds it: the engine knows better.
        if (!isRuntimeError(error, "conflict")) throw error;
      }
    }
    return freed;
  };

  const collect = async (signal: AbortSignal): Promise<void> => {
    const wanted = bytesToFree(await ports.imageFs(), settings);
    if (wanted === 0) return void (await look(signal));
    const freed = await free(wanted, signal);
    if (freed < wanted)
      ports.tellNode(
        "Warning",
        "FreeDiskSpaceFailed",
        `Failed to garbage collect required amount of images. Attempted to free ${wanted} bytes, but only found ${freed} bytes eligible to free.`,
      );
  };

  return {
    reclaimAll: (signal) => free(Number.POSITIVE_INFINITY, signal),
    async run(signal) {
      while (!signal.aborted) {
        try {
          await collect(signal);
        } catch (error) {
          if (signal.aborted) return;
          log.warn({ err: error }, "images could not be looked through");
        }
        await clock.sleep(periodMs, signal).catch(() => undefined);
      }
    },
  };
}
