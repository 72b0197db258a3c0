// Named places at which a member can be made to die, as if by `kill -9`: between any two effects on disk, backend and network. They are
// wrapped around the ports, so that the product has no line of them; `failing-main.ts` is the only program that has them.
//
//   COXSWAIN_FAILPOINT=wal/written=3      dies when it comes to that place for the third time
import type { Disk, DiskFile } from "../src/io/disk/disk.ts";
import type { StoreBackend } from "../src/io/backend/level-backend.ts";
import type { PeerTransport } from "../src/io/peer/peer.ts";
import type { StorePorts } from "../src/system-ports.ts";

export const failpoints = [
  "wal/before-write",
  "wal/written",
  "wal/synced",
  "wal/before-name",
  "wal/named",
  "wal/before-remove",
  "wal/removed",
  "backend/before-flush",
  "backend/flushed",
  "backend/before-sync",
  "backend/synced",
  "backend/before-compact",
  "backend/compacted",
  "backend/before-replace",
  "backend/replaced",
  "backend/scanned",
  "spool/written",
  "spool/before-name",
  "spool/named",
  "spool/before-remove",
  "peer/before-send",
  "peer/sent",
] as const;

export type Failpoint = (typeof failpoints)[number];

/** Called at every place; does not come back from the one that is armed. */
export type Reach = (place: Failpoint) => void;

/** `text`: a place, and "=" and how often it must be come to. Throws on a place that there is not. */
export function armed(text: string, die: () => never): Reach {
  const [name, count] = text.split("=");
  if (!failpoints.some((place) => place === name)) throw new Error(`there is no failpoint ${JSON.stringify(name)}`);
  let left = Number(count ?? 1);
  return (place) => {
    if (place === name && --left === 0) die();
  };
}

export function withFailpoints(ports: StorePorts, reach: Reach): StorePorts {
  return {
    ...ports,
    disk: failingDisk(ports.disk, reach),
    openBackend: async (directory) => failingBackend(await ports.openBackend(directory), reach),
    createTransport: (config) => failingTransport(ports.createTransport(config), reach),
  };
}

function failingDisk(disk: Disk, reach: Reach): Disk {
  return {
    ...disk,
    async open(path) {
      return failingFile(await disk.open(path), partOf(path), reach);
    },
    async rename(from, to) {
      const part = partOf(to);
      reach(`${part}/before-name`);
      await disk.rename(from, to);
      reach(`${part}/named`);
    },
    async remove(path) {
      const part = partOf(path);
      reach(`${part}/before-remove`);
      await disk.remove(path);
      if (part === "wal") reach("wal/removed");
    },
  };
}

function failingFile(file: DiskFile, part: "wal" | "spool", reach: Reach): DiskFile {
  return {
    async write(data, offset) {
      if (part === "wal") reach("wal/before-write");
      await file.write(data, offset);
      reach(`${part}/written`);
    },
    async sync() {
      await file.sync();
      if (part === "wal") reach("wal/synced");
    },
    close: () => file.close(),
  };
}

/** The store's disk holds the log and copies on their way in. */
function partOf(path: string): "wal" | "spool" {
  return path.includes("/wal/") ? "wal" : "spool";
}

function failingBackend(backend: StoreBackend, reach: Reach): StoreBackend {
  const around = async <T>(before: Failpoint, act: () => Promise<T>, after: Failpoint): Promise<T> => {
    reach(before);
    const result = await act();
    reach(after);
    return result;
  };
  return overridden(backend, {
    flush: () => around("backend/before-flush", () => backend.flush(), "backend/flushed"),
    sync: () => around("backend/before-sync", () => backend.sync(), "backend/synced"),
    compact: () => around("backend/before-compact", () => backend.compact(), "backend/compacted"),
    replace: (pairs) => around("backend/before-replace", () => backend.replace(pairs), "backend/replaced"),
    async scan(table, from, limit) {
      const found = await backend.scan(table, from, limit);
      reach("backend/scanned");
      return found;
    },
  });
}

function failingTransport(transport: PeerTransport, reach: Reach): PeerTransport {
  return overridden(transport, {
    send(messages) {
      if (messages.length > 0) reach("peer/before-send");
      transport.send(messages);
      if (messages.length > 0) reach("peer/sent");
    },
  });
}

/** The same object with some methods instead of its own; it may be of a class with private state. */
function overridden<T extends object>(object: T, methods: Partial<T>): T {
  return new Proxy(object, {
    get(target, name) {
      const instead: unknown = Reflect.get(methods, name);
      if (instead !== undefined) return instead;
      const own: unknown = Reflect.get(target, name);
      return typeof own === "function" ? (own.bind(target) as unknown) : own;
    },
  });
}
