// The pods' network by CNI plugins: a sandbox is added to the first network that the configuration directory holds, and taken away again when it is
// over, by what was written down before it was added, so that no address is lost with an agent. Addresses, routes to other nodes and ports of the
// machine are the plugins' affair.
import { readFile, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "@coxswain/clock";
import type { Logger } from "@coxswain/daemon";
import { addressIn, attachmentOf, parseCniConfig } from "../../core/network/cni.ts";
import type { CniNetworkConfig } from "../../core/network/cni.ts";
import { mayAsk } from "../../core/network/cni-versions.ts";
import { AgentError, messageOf } from "../../errors.ts";
import { createCniChain } from "./cni-chain.ts";
import { createCniChecks } from "./cni-checks.ts";
import { createCniOrder } from "./cni-order.ts";
import { createCniRecords } from "./cni-records.ts";
import type { CniRecord } from "./cni-records.ts";
import type { ManagedPodNetwork } from "./pod-network.ts";
import { ipBatch } from "./tool.ts";

const clearAgainMs = 300_000;

export function createCniNetwork(
  config: {
    readonly configDirectory: string;
    readonly pluginDirectories: readonly string[];
    /** Where records are kept. */
    readonly directory: string;
  },
  ports: {
    readonly clock: Clock;
    readonly log: Logger;
    /** Sandboxes that run. */
    readonly sandboxes: () => Promise<ReadonlySet<string>>;
  },
): ManagedPodNetwork {
  const { clock, log } = ports;
  const records = createCniRecords(config.directory, log);
  const chain = createCniChain(config.pluginDirectories);
  const order = createCniOrder();
  const ending = new Map<string, Promise<void>>();
  const adding = new Set<string>();
  const isThere = async ({ attachment, namespace }: CniRecord): Promise<boolean> =>
    (await readlink(attachment.netns).catch(() => "")) === namespace;
  const checks = createCniChecks({
    ...{ clock, log, chain, records, isThere },
    isBusy: (id) => adding.has(id) || ending.has(id),
  });
  let network: CniNetworkConfig | undefined;
  let why = "it has not been looked for yet";
  /** The network that has been cleared of what is nobody's, and when to try again. */
  let cleared = "";
  let clearAtMs = 0;

  /** The first file that can be read, in the order of names; its plugins must be there, speak its version, and be ready. */
  const look = async (signal?: AbortSignal): Promise<void> => {
    const names = (await readdir(config.configDirectory).catch(() => [])).toSorted();
    const problems: string[] = [];
    let found: CniNetworkConfig | undefined;
    for (const name of names.filter((one) => /\.(conflist|conf|json)$/.test(one))) {
      try {
        found = parseCniConfig(await readFile(join(config.configDirectory, name), "utf8"));
        break;
      } catch (error) {
        problems.push(`${name}: ${messageOf(error)}`);
      }
    }
    try {
      if (!found) throw new Error([`no networks found in ${config.configDirectory}`, ...problems].join("; "));
      const settled = await chain.settle(found, signal);
      if (mayAsk(settled, "STATUS")) await chain.askNetwork("STATUS", settled, [], signal);
      network = settled;
    } catch (error) {
      signal?.throwIfAborted();
      network = undefined;
      why = messageOf(error);
    }
  };

  const take = async (id: string): Promise<void> => {
    await checks.end(id);
    const record = records.all.get(id);
    if (!record) return;
    const netns = (await isThere(record)) ? record.attachment.netns : "";
    await order.among(() => chain.ask("DEL", { ...record, attachment: { ...record.attachment, netns } }));
    await records.forget(id);
  };
  /** Once at a time for each. */
  const detach = (id: string): Promise<void> => {
    const under = ending.get(id) ?? take(id).finally(() => ending.delete(id));
    ending.set(id, under);
    return under;
  };

  const detachAllBut = async (wanted: ReadonlySet<string>): Promise<void> => {
    for (const id of records.all.keys()) {
      if (wanted.has(id) || adding.has(id)) continue;
      await detach(id).catch((error: unknown) =>
        log.warn({ err: messageOf(error), object: id }, "a sandbox could not be taken from its network"),
      );
    }
  };

  /** What plugins keep for sandboxes that are nobody's; once for each network, since all others are taken away one by one. */
  const clear = async (signal?: AbortSignal): Promise<void> => {
    const of = network;
    if (!of || cleared === of.name || !mayAsk(of, "GC") || clock.monotonic() < clearAtMs) return;
    try {
      await order.alone(() => {
        const valid = [...records.all].flatMap(([id, record]) => (record.network.name === of.name ? id : []));
        return chain.askNetwork("GC", of, valid, signal);
      });
      cleared = of.name;
    } catch (error) {
      signal?.throwIfAborted();
      clearAtMs = clock.monotonic() + clearAgainMs;
      log.warn({ err: messageOf(error), object: of.name }, "a network could not be cleared of what is nobody's");
    }
  };

  const repair = async (signal?: AbortSignal): Promise<void> => {
    await records.open();
    await look(signal);
    const running = await ports.sandboxes();
    await detachAllBut(running);
    await clear(signal);
    await checks.round(running, signal);
  };

  return {
    configure: (_podCidr, signal) => repair(signal),
    repair,
    missing: () => (network ? undefined : `cni plugin not initialized: ${why}`),
    reserve: async () => undefined,
    release: () => undefined,
    setRoutes: async () => undefined,
    // By the plugin portmap, when the sandbox is added.
    expose: async () => undefined,

    async attach({ id, pid, pod }, signal) {
      await records.open();
      if (!network) await look(signal);
      if (!network) throw new AgentError("network", `cni plugin not initialized: ${why}`);
      // Before anything is made that a plugin which is not there could not take away.
      await chain.find(network);
      const netns = `/proc/${pid}/ns/net`;
      const record = { network, attachment: attachmentOf(pod, id, netns), namespace: await readlink(netns) };
      adding.add(id);
      try {
        await records.keep(record);
        await ipBatch(["link set dev lo up"], pid, signal);
        const result = await order.among(() => chain.ask("ADD", record, signal));
        if (addressIn(result) === undefined) throw new AgentError("network", "the plugins gave no IPv4 address");
        await records.keep({ ...record, result });
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
      await records.open();
      return records.all.get(id)?.result !== undefined && !checks.isLost(id);
    },
    addressOf: (id) => addressIn(records.all.get(id)?.result),
    detach,
    async detachAll() {
      await records.open();
      await detachAllBut(new Set());
    },
    remove: () => records.remove(),
  };
}
