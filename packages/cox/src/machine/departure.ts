// How a machine stops being of a cluster. `leave` tells the others first; `reset` only cleans this machine, which is all that can be done when
// the others are gone. Daemons must have been stopped before: what runs would write its files again.
import { spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createClient, loadKubeconfig } from "@coxswain/client";
import type { Clock } from "@coxswain/clock";
import { paths, read, send } from "./api.ts";
import { filesOf, storeServers } from "./daemons.ts";
import { MachineError } from "./failure.ts";
import { listMembers, openStore } from "./members.ts";
import { mustReadRecord, readRecord } from "./record.ts";
import type { SetupPorts } from "./setup.ts";

/** Takes the machine out of the store and the API. Answers what a person still has to do. */
export async function leave(directory: string, kubeconfig: string | undefined, ports: SetupPorts): Promise<void> {
  const record = mustReadRecord(directory);
  const { clock, signal, say } = ports;
  if (record.role === "store")
    throw new MachineError("a store host leaves by `etcdctl member remove`, then `cox reset`");
  if (record.role === "worker" && kubeconfig === undefined)
    throw new MachineError(
      `a worker may not remove its own node: give --kubeconfig of an administrator, or run \`kubectl delete node ${record.name}\` and then \`cox reset\``,
    );
  if (record.role === "master" && record.masters.length === 1)
    throw new MachineError("this is the only master: the cluster would end; `cox reset` ends it");
  if (record.role === "master" && record.store?.kind === "member") await refuseWithoutMajority(directory, clock);
  const client = createClient(
    loadKubeconfig(kubeconfig ?? filesOf(directory).kubeconfig("admin"), { userAgent: "cox-leave" }),
    { clock },
  );
  try {
    if (record.role === "master") {
      const path = paths.configMap("coxswain-config");
      const config = await read(client, path, signal);
      if (config) {
        const data = Object.fromEntries(
          Object.entries((config as { data?: Record<string, string> }).data ?? {}).filter(
            ([name]) => name !== `master.${record.name}`,
          ),
        );
        await send(client, "PUT", path, { ...config, data }, signal);
      }
      if (record.store?.kind === "member") await leaveStore(directory, clock, say);
    }
    if ((await read(client, paths.node(record.name), signal)) !== undefined) {
      await send(client, "DELETE", paths.node(record.name), undefined, signal);
      say(`deleted node ${record.name}`);
    }
  } finally {
    await client.close();
  }
}

/** Before anything is changed: neither the API nor the store can be told anything without one. */
async function refuseWithoutMajority(directory: string, clock: Clock): Promise<void> {
  const store = openStore(directory, storeServers(mustReadRecord(directory)), clock);
  try {
    await listMembers(store);
  } catch (cause) {
    throw new MachineError(
      "the store has no majority without this machine's member: with two masters let it run while the machine leaves (`docker-compose start store`), otherwise bring the other masters back first",
      { cause },
    );
  } finally {
    store.close();
  }
}

async function leaveStore(directory: string, clock: Clock, say: (text: string) => void): Promise<void> {
  const record = mustReadRecord(directory);
  const store = openStore(directory, storeServers(record), clock);
  try {
    const own = (await listMembers(store)).find(({ peerURLs }) => peerURLs.includes(`https://${record.address}:2380`));
    if (own === undefined) return;
    await store.cluster.memberRemove({ id: own.id });
    say(`removed ${record.name} from the store`);
  } finally {
    store.close();
  }
}

const cleanups: Readonly<Record<string, string>> = {
  "node-agent": "--cleanup-and-exit",
  proxy: "--cleanup",
  dns: "--cleanup",
};

/** Removes containers, rules and links of ours, then the machine's files. */
export async function reset(directory: string, say: (text: string) => void): Promise<void> {
  const { flags, at } = filesOf(directory);
  // What the cluster ran here as pods has left its rules here all the same.
  const asPods: readonly string[] = readRecord(directory)?.without ?? [];
  for (const [daemon, flag] of Object.entries(cleanups)) {
    const file = flags(daemon);
    if (!existsSync(file) && !asPods.includes(daemon)) continue;
    const text = existsSync(file) ? readFileSync(file, "utf8") : "";
    const given = text.split("\n").filter((line) => line.startsWith("--"));
    const failed = await run(daemon, [...given, flag]);
    if (failed !== undefined) say(`${daemon} could not clean up: ${failed}`);
  }
  // Volumes stay: they are people's data. The record first: a reset that is interrupted leaves no machine that looks whole.
  const names = ["machine.json", "flags", "manifests", "pki", "store", "node-agent", "keeper-health", "ready", "cache"];
  const kubeconfigs = ["admin", "keeper", "scheduler", "controller-manager", "node-agent", "proxy", "dns"].map(
    (name) => `${name}.conf`,
  );
  for (const name of [...names, ...kubeconfigs]) rmSync(at(name), { recursive: true, force: true });
  say("this machine is of no cluster any more");
}

function run(daemon: string, args: readonly string[]): Promise<string | undefined> {
  const entry = fileURLToPath(new URL(`../../../${daemon}/src/main.ts`, import.meta.url));
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [entry, ...args], { stdio: ["ignore", "ignore", "pipe"] });
    let text = "";
    child.stderr.on("data", (chunk: Buffer) => (text += chunk.toString()));
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code) => resolve(code === 0 ? undefined : (text.trim().split("\n").at(-1) ?? "")));
  });
}
