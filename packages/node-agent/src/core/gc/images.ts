// Which images go when their file system is full: those that nobody has used for longest, and only as many as are needed. What
// cannot be fetched again stays: images without a registry's digest were made here. As the kubelet's image manager. Pure.

export interface KnownImage {
  readonly id: string;
  readonly tags: readonly string[];
  readonly digests: readonly string[];
  readonly sizeBytes: number;
  readonly firstSeenMs: number;
  readonly lastUsedMs: number;
  readonly isUsed: boolean;
}

export interface ImageGcView {
  readonly images: readonly KnownImage[];
  /** Names that stay whatever happens. */
  readonly pinned: readonly string[];
  readonly leastAgeMs: number;
  readonly nowMs: number;
}

/** Oldest use first; the images together have `bytes`, or are all that may go. */
export function imagesToRemove(view: ImageGcView, bytes: number): readonly KnownImage[] {
  const eligible = view.images
    .filter(
      (image) =>
        !image.isUsed &&
        image.digests.length > 0 &&
        !image.tags.some((tag) => view.pinned.includes(tag)) &&
        view.nowMs - image.firstSeenMs >= view.leastAgeMs,
    )
    .toSorted((a, b) => a.lastUsedMs - b.lastUsedMs || a.firstSeenMs - b.firstSeenMs);
  const chosen: KnownImage[] = [];
  let freed = 0;
  for (const image of eligible) {
    if (freed >= bytes) break;
    chosen.push(image);
    freed += image.sizeBytes;
  }
  return chosen;
}

/** How much must be freed so that usage falls to the low threshold; 0 below the high one. */
export function bytesToFree(
  fs: { readonly capacityBytes: number; readonly availableBytes: number },
  { highPercent, lowPercent }: { readonly highPercent: number; readonly lowPercent: number },
): number {
  if (fs.capacityBytes === 0) return 0;
  const usedPercent = 100 - Math.floor((fs.availableBytes * 100) / fs.capacityBytes);
  if (highPercent >= 100 || usedPercent < highPercent) return 0;
  return Math.max(0, Math.floor((fs.capacityBytes * (100 - lowPercent)) / 100) - fs.availableBytes);
}
