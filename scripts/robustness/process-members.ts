// Three members of the store as real processes over TLS, each in a network namespace and with a directory of its own; one of them on
// a small disk. They are what the faults of `drill` break. A member that ends without having been asked to is remembered.
import { execFile } from "node:child_process";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { systemClock } from "@coxswain/clock";
import type { Members, Targets } from "@coxswain/drill";
import type { EtcdClient } from "@coxswain/etcd-api";
import { failpoints } from "../../packages/store/testing/failpoints.ts";
import { createProcessGroup } from "../../packages/store/testing/processes.ts";
import type { MemberFlags, ProcessGroup, RunningProcess } from "../../packages/store/testing/processes.ts";
import { createNetwork } from "./network.ts";
import type { MemberNetwork } from "./network.ts";

const run = promisify(execFile);
const names = ["m1", "m2", "m3"] as const;
const clientPort = 2379;
const peerPort = 2380;
const smallDiskBytes = 200 << 20;
const failingProgram = new URL("../../packages/store/testing/failing-main.ts", import.meta.url).pathname;

export interface ProcessMembers extends Members, Targets, AsyncDisposable {
  readonly group: ProcessGroup;
  dataDir(name: string): string;
  /** Last words of members that ended without having been asked to. */
  readonly deaths: readonly string[];
  /** Everything that the member has written to standard error, over all its lives. */
  words(name: string): string;
}

interface Handle {
  flags: MemberFlags;
  process: RunningProcess | undefined;
  /** Its end is part of a fault. */
  mayEnd: boolean;
  said: string;
}

/** Starts three members of a new cluster. */
export async function startMembers(more: readonly string[] = []): Promise<ProcessMembers> {
  const stack = new AsyncDisposableStack();
  try {
    const network = stack.use(await createNetwork(names));
    const group = stack.use(await createProcessGroup([...network.addresses.values()]));
    const small = join(group.directory, "small-disk");
    await mkdir(small);
    await run("mount", ["-t", "tmpfs", "-o", `size=${smallDiskBytes}`, "tmpfs", small]);
    stack.defer(async () => void (await run("umount", ["-l", small])));
    const members = build(network, group, small, more);
    stack.defer(() => members.kill(names));
    await members.start(names);
    return Object.assign(members, { [Symbol.asyncDispose]: () => stack.disposeAsync() });
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

function build(
  network: MemberNetwork,
  group: ProcessGroup,
  small: string,
  more: readonly string[],
): Omit<ProcessMembers, typeof Symbol.asyncDispose> {
  const deaths: string[] = [];
  const url = (name: string, port: number): string => `https://${network.addresses.get(name) ?? ""}:${port}`;
  const initialCluster = names.map((name) => `${name}=${url(name, peerPort)}`).join(",");
  const dataDir = (name: string): string => (name === "m3" ? join(small, name) : join(group.directory, name));
  const handles = new Map(
    names.map((name): [string, Handle] => {
      const host = network.addresses.get(name) ?? "";
      const flags = {
        name,
        host,
        clientPort,
        peerPort,
        initialCluster,
        more,
        dataDir: dataDir(name),
        launcher: network.launcher(name),
      };
      return [name, { flags, process: undefined, mayEnd: false, said: "" }];
    }),
  );
  const handle = (name: string): Handle => {
    const found = handles.get(name);
    if (found === undefined) throw new Error(`there is no member ${name}`);
    return found;
  };
  const alive = ({ process }: Handle): boolean =>
    process !== undefined && process.child.exitCode === null && process.child.signalCode === null;
  const startOne = async (name: string, program: Partial<MemberFlags> = {}): Promise<void> => {
    const of = handle(name);
    if (alive(of)) return;
    of.mayEnd = program.program !== undefined;
    const process = await group.start({ ...of.flags, ...program });
    of.process = process;
    process.child.once("exit", (code, signal) => {
      of.said += process.output();
      if (of.process === process && !of.mayEnd)
        deaths.push(`${name} ended by itself (${signal ?? code}): ${process.output().trim().split("\n").at(-1)}`);
    });
  };
  const kill = async (those: readonly string[]): Promise<void> => {
    const living = those.map(handle).filter(alive);
    for (const of of living) of.mayEnd = true;
    await Promise.all(living.map(async (of) => await of.process?.kill("SIGKILL")));
  };
  /** Asks one member after the other until one answers. */
  const askAny = async <T>(ask: (client: EtcdClient) => Promise<T>): Promise<T | undefined> => {
    for (const name of names) {
      const client = group.client(url(name, clientPort));
      try {
        return await ask(client);
      } catch {
        // The next one may know.
      } finally {
        client.close();
      }
    }
    return undefined;
  };
  const insist = async <T>(
    what: string,
    ask: (client: EtcdClient) => Promise<T>,
    whom: readonly string[] = names,
  ): Promise<T> => {
    const deadlineMs = systemClock.monotonic() + 120_000;
    let last: unknown;
    while (systemClock.monotonic() < deadlineMs) {
      const client = group.client(...whom.map((name) => url(name, clientPort)));
      try {
        return await ask(client);
      } catch (error) {
        last = error;
        await systemClock.sleep(250);
      } finally {
        client.close();
      }
    }
    throw new Error(`${what} did not succeed within two minutes`, { cause: last });
  };

  return {
    group,
    deaths,
    dataDir,
    failpoints,
    smallDisk: "m3",
    names: () => names,
    words: (name) => handle(name).said + (handle(name).process?.output() ?? ""),
    connect: (name) => group.client(url(name, clientPort)),
    connectAll: () => group.client(...names.map((name) => url(name, clientPort))),
    async leader() {
      const status = await askAny(async (client) => {
        const [{ leader }, { members }] = await Promise.all([
          client.maintenance.status({}, { timeoutMs: 1000 }),
          client.cluster.memberList({}, { timeoutMs: 1000 }),
        ]);
        return members.find(({ id }) => id === leader)?.name;
      });
      return status;
    },
    kill,
    async start(those) {
      await Promise.all(those.map((name) => startOne(name)));
    },
    pause: (name) => signal(handle(name), "SIGSTOP"),
    resume: (name) => signal(handle(name), "SIGCONT"),
    cut: network.cut,
    mend: network.mend,
    async dieAt(name, failpoint, count, withinMs) {
      await kill([name]);
      const environment = { COXSWAIN_FAILPOINT: `${failpoint}=${count}` };
      const of = handle(name);
      // It may die before it has started.
      await startOne(name, { program: failingProgram, environment }).catch(() => undefined);
      const { process } = of;
      if (!alive(of) || process === undefined) return true;
      const gone = Promise.withResolvers<boolean>();
      process.child.once("exit", () => gone.resolve(true));
      const timer = systemClock.setTimeout(() => gone.resolve(false), withinMs);
      const died = await gone.promise;
      timer.cancel();
      return died;
    },
    async fillDisk(name, full) {
      handle(name).mayEnd = true;
      const filler = join(small, "filler");
      if (full) {
        // Ends with an error when there is no room left, as it should.
        await run("dd", ["if=/dev/zero", `of=${filler}`, "bs=64k"]).catch(() => undefined);
      } else {
        await rm(filler);
      }
    },
    async replace(name, asLearner) {
      // Removed while it runs: it ends by itself, or is ended.
      handle(name).mayEnd = true;
      await insist("removing the member", async (client) => {
        const { members } = await client.cluster.memberList({});
        const found = members.find((member) => member.name === name);
        // The answer to an earlier try may have been lost.
        if (found !== undefined) await client.cluster.memberRemove({ id: found.id });
      });
      await kill([name]);
      for (const entry of await readdir(dataDir(name))) await rm(join(dataDir(name), entry), { recursive: true });
      const peerURLs = [url(name, peerPort)];
      const added = await insist("adding the member", async (client) => {
        const { members } = await client.cluster.memberList({});
        const present = members.find((member) => member.peerURLs.join() === peerURLs.join());
        return present ?? (await client.cluster.memberAdd({ peerURLs, isLearner: asLearner })).member;
      });
      await startOne(name, { more: [...more, "--initial-cluster-state", "existing"] });
      if (asLearner)
        await insist("promoting the member", async (client) => {
          const { members } = await client.cluster.memberList({});
          if (members.find((member) => member.id === added?.id)?.isLearner !== false)
            await client.cluster.memberPromote({ id: added?.id ?? 0n });
        });
    },
    async defragment(name) {
      await insist("defragmentation", (client) => client.maintenance.defragment({}, { timeoutMs: 30_000 }), [name]);
    },
    async moveLeader(to) {
      await askAny(async (client) => {
        const { leader } = await client.maintenance.status({}, { timeoutMs: 1000 });
        const { members } = await client.cluster.memberList({}, { timeoutMs: 1000 });
        const leading = members.find(({ id }) => id === leader)?.name;
        const targetId = members.find((member) => member.name === to)?.id;
        if (leading === undefined || targetId === undefined || leading === to) return;
        const direct = group.client(url(leading, clientPort));
        try {
          await direct.maintenance.moveLeader({ targetId });
        } finally {
          direct.close();
        }
      });
    },
  };
}

async function signal({ process }: Handle, name: "SIGSTOP" | "SIGCONT"): Promise<void> {
  process?.child.kill(name);
  await Promise.resolve();
}
