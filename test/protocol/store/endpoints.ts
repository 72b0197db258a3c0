// Two endpoints that speak etcd's v3 API, each a fresh process of its own with a data directory of its own: ours, and Debian's etcd
// where it is installed. Plain HTTP on this machine.
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@coxswain/clock";
import { freePort } from "@coxswain/daemon/testing";
import { createEtcdClient } from "@coxswain/etcd-api";
import type { EtcdClient } from "@coxswain/etcd-api";

export interface RunningEndpoint {
  readonly url: string;
  readonly client: EtcdClient;
  stop(): Promise<void>;
}

/** The version line of the etcd on this machine; undefined without one. */
export const etcdVersion: string | undefined = spawnSync("etcd", ["--version"], { encoding: "utf8" }).stdout?.split(
  "\n",
)[0];

const storeMain = new URL("../../../packages/store/src/main.ts", import.meta.url).pathname;

export async function startStore(...flags: readonly string[]): Promise<RunningEndpoint> {
  const [client, peer] = [await freePort(), await freePort()];
  return start(process.execPath, [storeMain, ...etcdFlags(client, peer), ...flags], client);
}

export async function startEtcd(...flags: readonly string[]): Promise<RunningEndpoint> {
  const [client, peer] = [await freePort(), await freePort()];
  return start(
    "etcd",
    [...etcdFlags(client, peer), "--listen-peer-urls", `http://127.0.0.1:${peer}`, ...flags],
    client,
  );
}

/** The same command line for both. */
function etcdFlags(client: number, peer: number): string[] {
  const urls = { client: `http://127.0.0.1:${client}`, peer: `http://127.0.0.1:${peer}` };
  return [
    ...["--name", "m1", "--listen-client-urls", urls.client, "--advertise-client-urls", urls.client],
    ...["--initial-advertise-peer-urls", urls.peer, "--initial-cluster", `m1=${urls.peer}`],
  ];
}

async function start(command: string, args: readonly string[], port: number): Promise<RunningEndpoint> {
  const directory = mkdtempSync(join(tmpdir(), "coxswain-endpoint-"));
  const child = spawn(command, [...args, "--data-dir", join(directory, "data")], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const url = `http://127.0.0.1:${port}`;
  const client = createEtcdClient({ endpoints: [url] }, { clock: systemClock });
  let said = "";
  child.stderr?.on("data", (chunk: Buffer) => (said = (said + chunk.toString()).slice(-2000)));
  const died = once(child, "exit").then(() => Promise.reject(new Error(`${command} ended: ${said}`)));
  died.catch(() => undefined);
  await Promise.race([answers(client), died]);
  return {
    url,
    client,
    async stop() {
      client.close();
      await end(child);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function answers(client: EtcdClient): Promise<void> {
  const deadline = systemClock.monotonic() + 60_000;
  for (;;) {
    try {
      await client.kv.range({ key: "ready" });
      return;
    } catch (error) {
      if (systemClock.monotonic() > deadline) throw error;
      await systemClock.sleep(100);
    }
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}
