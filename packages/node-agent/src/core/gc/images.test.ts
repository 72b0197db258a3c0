import { expect, test } from "vitest";
import { bytesToFree, imagesToRemove } from "./images.ts";
import type { KnownImage } from "./images.ts";

const image = (id: string, lastUsedMs: number, over: Partial<KnownImage> = {}): KnownImage => ({
  ...{ id, tags: [`${id}:1`], digests: [`${id}@sha256:1`], sizeBytes: 100, firstSeenMs: 0, lastUsedMs, isUsed: false },
  ...over,
});

test("the longest unused go, as many as are needed; used, pinned, young ones and those made here stay", () => {
  const images = [
    image("recent", 500),
    image("old", 100),
    image("used", 0, { isUsed: true }),
    image("pause", 0),
    image("young", 0, { firstSeenMs: 950 }),
    image("made-here", 0, { digests: [] }),
  ];
  const chosen = (bytes: number): string[] =>
    imagesToRemove({ images, pinned: ["pause:1"], leastAgeMs: 100, nowMs: 1_000 }, bytes).map(({ id }) => id);
  expect([chosen(0), chosen(1), chosen(101), chosen(Number.POSITIVE_INFINITY)]).toEqual([
    [],
    ["old"],
    ["old", "recent"],
    ["old", "recent"],
  ]);
});

test("nothing is freed below the high threshold, else down to the low one", () => {
  const at = (availableBytes: number, highPercent = 85): number =>
    bytesToFree({ capacityBytes: 1_000, availableBytes }, { highPercent, lowPercent: 80 });
  expect([at(160), at(150), at(50), at(0, 100)]).toEqual([0, 50, 150, 0]);
});
