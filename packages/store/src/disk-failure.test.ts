// A disk that says no: whatever was to be acknowledged is not, and the process ends at once.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock, systemRandom } from "@coxswain/clock";
import { createLogger } from "@coxswain/daemon";
import { describe, expect, it } from "vitest";
import { defaultConfig } from "../testing/default-config.ts";
import { quietMetrics } from "../testing/quiet-metrics.ts";
import { openData } from "./data-dir.ts";
import { systemDisk } from "./io/disk/system-disk.ts";
import type { PeerTransport } from "./io/peer/peer.ts";
import { createMember } from "./member.ts";
import { systemPorts } from "./system-ports.ts";

const alone: PeerTransport = {
  start: async () => undefined,
  send: () => undefined,
  setPeers: () => undefined,
  connected: () => true,
  ask: () => Promise.reject(new Error("it is alone")),
  stop: async () => undefined,
};

describe("a failed sync of the log", () => {
  it("acknowledges nothing and ends the process", { timeout: 30_000 }, async () => {
    const directory = await mkdtemp(join(tmpdir(), "disk-"));
    let works = true;
    const died = Promise.withResolvers<string>();
    const daemonPorts = {
      clock: systemClock,
      random: systemRandom,
      log: createLogger("store", "error"),
      metrics: quietMetrics,
      die: (reason: string, cause: unknown): never => {
        died.resolve(`${reason}: ${(cause as Error).message}`);
        // The process is gone at this place; here the test goes on.
        return undefined as never;
      },
      end: () => undefined,
    };
    const ports = {
      ...systemPorts(daemonPorts),
      disk: {
        ...systemDisk,
        open: async (path: string) => {
          const file = await systemDisk.open(path);
          return {
            ...file,
            sync: () => (works ? file.sync() : Promise.reject(new Error("EIO: i/o error, fdatasync"))),
          };
        },
      },
    };
    const config = defaultConfig({ name: "m1", "data-dir": directory });
    const data = await openData(config, { ...ports, askCluster: (urls) => ports.askCluster(urls, undefined) });
    const member = await createMember(config, data, alone, ports);
    try {
      await member.run();
      const put = (key: string) =>
        member.proposals.propose<"put">({ kind: "put", request: { key: Buffer.from(key), value: Buffer.from("x") } });
      expect((await put("before")).revision).toBe(2);
      works = false;
      let acknowledged = false;
      const refused = put("after").then(
        () => (acknowledged = true),
        () => undefined,
      );
      expect(await died.promise).toBe("the member cannot go on: EIO: i/o error, fdatasync");
      await member.stop();
      await refused;
      expect(acknowledged).toBe(false);
    } finally {
      await data.wal.close();
      await member.machine.close();
      await rm(directory, { recursive: true });
    }
  });
});
