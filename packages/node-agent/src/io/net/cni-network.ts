// The pods' network by CNI plugins: a sandbox is added to the first network that the configuration directory holds, and taken away again when it is
// over, by what was written down before it was added, so that no address is lost with an agent. Addresses, routes to other nodes and ports of the
// machine are the plugins' affair.
import { mkdir, readFile, readdir, readlink, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "@coxswain/daemon";
import { addressIn, attachmentOf, cniCall, isRecord, parseCniConfig } from "../../core/network/cni.ts";
import type { CniAttachment, CniNetworkConfig, CniVerb } from "../../core/network/cni.ts";
import { AgentError, messageOf } from "../../errors.ts";
import { findPlugin, runPlugin } from "./cni-plugins.ts";
import type { ManagedPodNetwork } from "./pod-network.ts";
import { ipBatch } from "./tool.ts";

/** What is kept of a sandbox until it is taken away. */
interface Attached {
  readonly network: CniNetworkConfig;
  readonly attachment: CniAttachment;
  /** Which namespace it was: its number may be another process's by now. */
  readonly namespace: string;
  /** Missing while it is being added. */
  readonly result?: unknown;
}

export function createCniNetwork(
  config: {
    readonly configDirectory: string;
    readonly pluginDirectories: readonly string[];
    /** Where records are kept. */
    readonly directory: string;
  },
  ports: {
    readonly log: Logger;
    /** Sandboxes that run. */
    readonly sandboxes: () => Promise<ReadonlySet<string>>;
  },
): ManagedPodNetwork {
  const { log } = ports;
  const records = new Map<string, Attached>();
  const ending = new Map<string, Promise<void>>();
  const adding = new Set<string>();
  let network: CniNetworkConfig | undefined;
  let why = "it has not been looked for yet";
  let opened: Promise<void> | undefined;

  const fileOf = (id: string): string => join(config.directory, `${id}.json`);
  const keep = async (id: string, record: Attached): Promise<void> => {
    records.set(id, record);
    await writeFile(`${fileOf(id)}.new`, JSON.stringify(record), { mode: 0o600 });
    await rename(`${fileOf(id)}.new`, fileOf(id));
  };

  /** What a former agent has written down. */
  const open = (): Promise<void> =>
    (opened ??= (async () => {
      await mkdir(config.directory, { recursive: true, mode: 0o750 });
      for (const name of await readdir(config.directory)) {
        if (!name.endsWith(".json")) continue;
        const record = recordIn(await readFile(join(config.directory, name), "utf8"));
        if (record) records.set(record.attachment.sandboxId, record);
        else log.warn({ object: name }, "what was kept of a sandbox's network cannot be read");
      }
    })().catch((error: unknown) => {
      opened = undefined;
      throw error;
    }));

  /** The first file that can be read, in the order of names. */
  const look = async (): Promise<void> => {
    const names = (await readdir(config.configDirectory).catch(() => [])).toSorted();
    const problems: string[] = [];
    for (const name of names.filter((one) => /\.(conflist|conf|json)$/.test(one))) {
      try {
        network = parseCniConfig(await readFile(join(config.configDirectory, name), "utf8"));
        return;
      } catch (error) {
        problems.push(`${name}: ${messageOf(error)}`);
      }
    }
    network = undefined;
    why = [`no networks found in ${config.configDirectory}`, ...problems].join("; ");
  };

  const callAll = async (
    verb: CniVerb,
    { network: of, attachment, result }: Attached,
    signal?: AbortSignal,
  ): Promise<unknown> => {
    let previous = verb === "ADD" ? undefined : result;
    const failures: unknown[] = [];
    for (const plugin of verb === "DEL" ? of.plugins.toReversed() : of.plugins) {
      try {
        const call = cniCall(of, plugin, verb, attachment, previous);
        const answer = await runPlugin(call, config.pluginDirectories, signal);
        if (verb === "ADD") previous = answer;
      } catch (error) {
        // One that cannot take its part away keeps no other from it.
        if (verb === "ADD") throw error;
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
    return previous;
  };

  const take = async (id: string): Promise<void> => {
    const record = records.get(id);
    if (!record) return;
    const there = (await readlink(record.attachment.netns).catch(() => "")) === record.namespace;
    await callAll("DEL", {
      ...record,
      attachment: { ...record.attachment, netns: there ? record.attachment.netns : "" },
    });
    await rm(fileOf(id), { force: true });
    records.delete(id);
  };
  /** Once at a time for each. */
  const detach = (id: string): Promise<void> => {
    const under = ending.get(id) ?? take(id).finally(() => ending.delete(id));
    ending.set(id, under);
    return under;
  };

  const detachAllBut = async (wanted: ReadonlySet<string>): Promise<void> => {
    for (const id of records.keys()) {
      if (wanted.has(id) || adding.has(id)) continue;
      await detach(id).catch((error: unknown) =>
        log.warn({ err: messageOf(error), object: id }, "a sandbox could not be taken from its network"),
      );
    }
  };

  const repair = async (): Promise<void> => {
    await open();
    await look();
    await detachAllBut(await ports.sandboxes());
  };

  return {
    configure: repair,
    repair,
    missing: () => (network ? undefined : `cni plugin not initialized: ${why}`),
    reserve: async () => undefined,
    release: () => undefined,
    setRoutes: async () => undefined,
    // By the plugin portmap, when the sandbox is added.
    expose: async () => undefined,

    async attach({ id, pid, pod }, signal) {
      await open();
      if (!network) await look();
      if (!network) throw new AgentError("network", `cni plugin not initialized: ${why}`);
      // Before anything is made that a plugin which is not there could not take away.
      for (const { type } of network.plugins) await findPlugin(type, config.pluginDirectories);
      const netns = `/proc/${pid}/ns/net`;
      const record = { network, attachment: attachmentOf(pod, id, netns), namespace: await readlink(netns) };
      adding.add(id);
      try {
        await keep(id, record);
        await ipBatch(["link set dev lo up"], pid, signal);
        const result = await callAll("ADD", record, signal);
        if (addressIn(result) === undefined) throw new AgentError("network", "the plugins gave no IPv4 address");
        await keep(id, { ...record, result });
      } catch (error) {
        await detach(id).catch((cause: unknown) =>
          log.warn({ err: messageOf(cause), object: id }, "half a network is left"),
        );
        throw error;
      } finally {
        adding.delete(id);
      }
    },
    isAttached: async (id) => {
      await open();
      return records.get(id)?.result !== undefined;
    },
    addressOf: (id) => addressIn(records.get(id)?.result),
    detach,
    async detachAll() {
      await open();
      await detachAllBut(new Set());
    },
    async remove() {
      await rm(config.directory, { recursive: true, force: true });
      opened = undefined;
    },
  };
}

function recordIn(text: string): Attached | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (!isRecord(value) || !isRecord(value["attachment"]) || typeof value["namespace"] !== "string") return undefined;
    const { sandboxId, netns, args, runtimeConfig } = value["attachment"];
    if (typeof sandboxId !== "string" || typeof netns !== "string" || typeof args !== "string") return undefined;
    const attachment = { sandboxId, netns, args, runtimeConfig: isRecord(runtimeConfig) ? runtimeConfig : {} };
    const network = parseCniConfig(JSON.stringify(value["network"]));
    return {
      network,
      attachment,
      namespace: value["namespace"],
      ...("result" in value ? { result: value["result"] } : {}),
    };
  } catch {
    return undefined;
  }
}
