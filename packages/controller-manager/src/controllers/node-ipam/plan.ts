// Which part of the cluster's pod addresses a node gets: the first free block, counted from the front. IPv4.

export interface Range {
  readonly base: number;
  readonly prefix: number;
}

export function parseRange(text: string): Range | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(text);
  if (!match) return undefined;
  const [a = 0, b = 0, c = 0, d = 0, prefix = 0] = match.slice(1).map(Number);
  if (prefix > 32 || [a, b, c, d].some((octet) => octet > 255)) return undefined;
  const size = 2 ** (32 - prefix);
  const address = a * 2 ** 24 + b * 2 ** 16 + c * 2 ** 8 + d;
  return { base: Math.floor(address / size) * size, prefix };
}

export function formatRange({ base, prefix }: Range): string {
  return `${[24, 16, 8, 0].map((shift) => Math.floor(base / 2 ** shift) % 256).join(".")}/${prefix}`;
}

/** The first block of `mask` bits in `cluster` that overlaps none of `taken`; undefined when all are given away. */
export function freeRange(cluster: Range, mask: number, taken: readonly Range[]): Range | undefined {
  const size = 2 ** (32 - mask);
  const end = cluster.base + 2 ** (32 - cluster.prefix);
  const sorted = taken.toSorted((a, b) => a.base - b.base);
  let base = cluster.base;
  for (const range of sorted) {
    const rangeEnd = range.base + 2 ** (32 - range.prefix);
    if (rangeEnd <= base) continue;
    if (range.base >= base + size) break;
    base = Math.ceil(rangeEnd / size) * size;
  }
  return base + size <= end ? { base, prefix: mask } : undefined;
}
