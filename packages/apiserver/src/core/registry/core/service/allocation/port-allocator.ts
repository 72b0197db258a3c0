// Node ports: one bitmap for all apiservers under `/registry/ranges/servicenodeports`, as Kubernetes' RangeAllocation, changed only by
// compare-and-set. A request's ports are taken all together or not at all.
import type { Random } from "@coxswain/clock";
import type { Storage } from "../../../../storage.ts";

const key = "/registry/ranges/servicenodeports";

export interface PortRange {
  readonly first: number;
  readonly last: number;
}

export type PortsOutcome =
  | { readonly kind: "allocated"; readonly ports: readonly number[] }
  | { readonly kind: "taken" | "outside"; readonly port: number }
  | { readonly kind: "full" };

export interface PortAllocator {
  /** `wanted` ports exactly, and `more` others of our choice, which follow them in the result. */
  allocate(wanted: readonly number[], more: number): Promise<PortsOutcome>;
  release(ports: readonly number[]): Promise<void>;
  /** Makes the bitmap hold at least `used`, and nothing that `leaked` names. */
  repair(used: ReadonlySet<number>, leaked: ReadonlySet<number>): Promise<void>;
  /** The ports that are taken now. */
  taken(): Promise<ReadonlySet<number>>;
}

/** "30000-32767" */
export function parsePortRange(text: string): PortRange {
  const match = /^(\d+)-(\d+)$/.exec(text);
  const [first, last] = [Number(match?.[1]), Number(match?.[2])];
  if (match === null || first < 1 || last > 65_535 || first > last)
    throw new RangeError(`expected a port range such as 30000-32767, found ${text}`);
  return { first, last };
}

export function createPortAllocator(
  range: PortRange,
  ports: { readonly storage: Pick<Storage, "get" | "create" | "replace">; readonly random: Random },
): PortAllocator {
  const size = range.last - range.first + 1;
  // The lower ports are those that people choose themselves (KEP-3668).
  const dynamicStart = size <= 16 ? 0 : Math.min(Math.max(16, Math.floor(size / 32)), 128);

  return {
    async allocate(wanted, more) {
      const outside = wanted.find((port) => port < range.first || port > range.last);
      if (outside !== undefined) return { kind: "outside", port: outside };
      if (wanted.length + more === 0) return { kind: "allocated", ports: [] };
      return change<PortsOutcome>((bitmap) => {
        const taken = wanted.find((port) => isSet(bitmap, port - range.first));
        if (taken !== undefined) return { result: { kind: "taken", port: taken } };
        for (const port of wanted) set(bitmap, port - range.first);
        const chosen: number[] = [];
        for (let i = 0; i < more; i++) {
          const offset = freeOffset(bitmap);
          if (offset === undefined) return { result: { kind: "full" } };
          set(bitmap, offset);
          chosen.push(range.first + offset);
        }
        return { result: { kind: "allocated", ports: [...wanted, ...chosen] }, write: true };
      });
    },
    async release(released) {
      if (released.length === 0) return;
      await change((bitmap) => {
        for (const port of released) clear(bitmap, port - range.first);
        return { result: undefined, write: true };
      });
    },
    async repair(used, leaked) {
      await change((bitmap) => {
        let write = false;
        for (const port of used) {
          if (port < range.first || port > range.last || isSet(bitmap, port - range.first)) continue;
          set(bitmap, port - range.first);
          write = true;
        }
        for (const port of leaked) {
          if (used.has(port) || !isSet(bitmap, port - range.first)) continue;
          clear(bitmap, port - range.first);
          write = true;
        }
        return { result: undefined, write };
      });
    },
    async taken() {
      const { value } = await ports.storage.get(key);
      const bitmap = readBitmap(value?.value, size);
      return new Set(
        Array.from({ length: size }, (_, offset) => offset)
          .filter((offset) => isSet(bitmap, offset))
          .map((offset) => range.first + offset),
      );
    },
  };

  /** Reads, lets `step` change its own copy, writes if nobody came between, else again. Somebody always comes through. */
  async function change<T>(step: (bitmap: Buffer) => { readonly result: T; readonly write?: boolean }): Promise<T> {
    for (;;) {
      const { value } = await ports.storage.get(key);
      const bitmap = readBitmap(value?.value, size);
      const { result, write = false } = step(bitmap);
      if (!write) return result;
      const bytes = Buffer.from(
        JSON.stringify({
          kind: "RangeAllocation",
          apiVersion: "v1",
          metadata: {},
          range: `${range.first}-${range.last}`,
          data: bitmap.toString("base64"),
        }),
      );
      const outcome =
        value === undefined
          ? await ports.storage.create(key, bytes)
          : await ports.storage.replace(key, bytes, value.revision);
      if (outcome.kind === "written") return result;
    }
  }

  function freeOffset(bitmap: Buffer): number | undefined {
    const upper = size - dynamicStart;
    const start = ports.random.int(upper);
    for (let i = 0; i < upper; i++) {
      const offset = dynamicStart + ((start + i) % upper);
      if (!isSet(bitmap, offset)) return offset;
    }
    for (let offset = 0; offset < dynamicStart; offset++) if (!isSet(bitmap, offset)) return offset;
    return undefined;
  }
}

/** A bitmap of another range size is read as far as it goes; the repair puts the rest right. */
function readBitmap(stored: Buffer | undefined, size: number): Buffer {
  const bitmap = Buffer.alloc(Math.ceil(size / 8));
  if (stored === undefined) return bitmap;
  const { data } = JSON.parse(stored.toString("utf8")) as { data?: string };
  Buffer.from(data ?? "", "base64").copy(bitmap);
  return bitmap;
}

function isSet(bitmap: Buffer, offset: number): boolean {
  return (((bitmap[offset >> 3] ?? 0) >> (offset & 7)) & 1) === 1;
}

function set(bitmap: Buffer, offset: number): void {
  bitmap[offset >> 3] = (bitmap[offset >> 3] ?? 0) | (1 << (offset & 7));
}

function clear(bitmap: Buffer, offset: number): void {
  if (offset >= 0 && offset >> 3 < bitmap.length)
    bitmap[offset >> 3] = (bitmap[offset >> 3] ?? 0) & ~(1 << (offset & 7));
}
