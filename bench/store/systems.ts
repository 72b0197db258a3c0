// The two systems that are compared, as processes: our store and Debian's etcd, one member or three, without TLS, side by side on the
// same disk. Starts, kills, restarts and reaps them; what is measured is the others' affair.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@coxswain/clock";
import { freePort } from "@coxswain/daemon/testing";
import { createEtcdClient } from "@coxswain/etcd-api";

export type SystemName = "ours" | "etcd";
export const systemNames: readonly SystemName[] = ["ours", "etcd"];

export interface System extends AsyncDisposable {
  readonly name: SystemName;
  readonly members: readonly MemberProcess[];
  readonly endpoints: readonly string[];
}

export interface MemberProcess {
  readonly endpoint: string;
  readonly pid: number;
  signal(signal: NodeJS.Signals): void;
  /** Resolves when the process is gone. */
  kill(): Promise<void>;
  /** Starts it again on its data; resolves when it answers a linearizable read, with how long that took. */
  restart(): Promise<number>;
  memory(): Memory;
}

/** Resident bytes: what is the process's own, and what is the page cache's (etcd maps its database). */
export interface Memory {
  readonly anonymous: number;
  readonly file: number;
}

const storeMain = new URL("../../packages/store/src/main.ts", import.meta.url).pathname;

export async function startSystem(name: SystemName, count: number): Promise<System> {
  const directory = await mkdtemp(join(tmpdir(), `bench-${name}-`));
  const ports = await Promise.all(Array.from({ length: count * 2 }, freePort));
  const url = (position: number): string => `http://127.0.0.1:${ports[position]}`;
  const cluster = Array.from({ length: count }, (_, index) => `m${index}=${url(count + index)}`).join(",");
  const members = Array.from({ length: count }, (_, index) =>
    createMember(name, url(index), [
      ...["--name", `m${index}`, "--data-dir", join(directory, `m${index}`)],
      ...["--listen-client-urls", url(index), "--advertise-client-urls", url(index)],
      ...(name === "etcd" || count > 1
        ? ["--listen-peer-urls", url(count + index), "--initial-advertise-peer-urls", url(count + index)]
        : []),
      ...(name === "etcd" || count > 1 ? ["--initial-cluster", cluster] : []),
      ...["--quota-backend-bytes", String(8 * 2 ** 30)],
    ]),
  );
  await Promise.all(members.map((member) => member.restart()));
  return {
    name,
    members,
    endpoints: members.map(({ endpoint }) => endpoint),
    async [Symbol.asyncDispose]() {
      await Promise.all(members.map((member) => member.kill()));
      await rm(directory, { recursive: true });
    },
  };
}

function createMember(name: SystemName, endpoint: string, flags: readonly string[]): MemberProcess {
  const [program, ...first] = name === "ours" ? [process.execPath, storeMain] : ["etcd"];
  let child: ChildProcess | undefined;
  const pid = (): number => {
    if (child?.pid === undefined) throw new Error(`${name} does not run`);
    return child.pid;
  };
  return {
    endpoint,
    get pid() {
      return pid();
    },
    signal: (signal) => void child?.kill(signal),
    async kill() {
      if (!child || child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
    },
    async restart() {
      const startedAt = performance.now();
      child = spawn(program, [...first, ...flags], { stdio: "ignore" });
      await answers(endpoint, child);
      return performance.now() - startedAt;
    },
    memory() {
      const status = readFileSync(`/proc/${pid()}/status`, "utf8");
      const bytes = (field: string): number => Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1024;
      return { anonymous: bytes("RssAnon"), file: bytes("RssFile") };
    },
  };
}

/** Resolves with the first linearizable answer. */
async function answers(endpoint: string, child: ChildProcess): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`${child.spawnfile} ended with ${child.exitCode}`);
    const client = createEtcdClient({ endpoints: [endpoint], timeoutMs: 2000 }, { clock: systemClock });
    try {
      await client.kv.range({ key: "health" });
      return;
    } catch {
      // Not yet.
      await systemClock.sleep(5);
    } finally {
      client.close();
    }
  }
}

/** The member that leads now; waits until one does. */
export async function leaderOf(system: System): Promise<MemberProcess> {
  for (;;) {
    for (const member of system.members) {
      const client = createEtcdClient({ endpoints: [member.endpoint], timeoutMs: 1000 }, { clock: systemClock });
      const status = await client.maintenance.status({}).catch(() => undefined);
      client.close();
      if (status?.leader !== undefined && status.leader === status.header?.memberId) return member;
    }
    await systemClock.sleep(50);
  }
}
