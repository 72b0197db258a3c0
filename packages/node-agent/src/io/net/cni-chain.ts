// Asks all plugins of a network, each by its own call: in their order, DEL in the reverse one.
import { stat } from "node:fs/promises";
import { cniCall, cniNetworkCall } from "../../core/network/cni.ts";
import type { CniCall, CniNetworkConfig, CniNetworkVerb, CniVerb } from "../../core/network/cni.ts";
import { settleVersion, versionCall, versionsIn } from "../../core/network/cni-versions.ts";
import { AgentError, messageOf } from "../../errors.ts";
import { findPlugin, runPlugin } from "./cni-plugins.ts";
import type { CniRecord } from "./cni-records.ts";

export interface CniChain {
  /** Fails, with a sentence, when a plugin is missing. */
  find(network: CniNetworkConfig): Promise<void>;
  /** The network in the version that all its plugins speak. They are asked once, and again when one of them has changed. */
  settle(network: CniNetworkConfig, signal?: AbortSignal): Promise<CniNetworkConfig>;
  /** The result of ADD; undefined otherwise. ADD and CHECK end with the first failure; of DEL each plugin has its turn, and the first failure is thrown. */
  ask(verb: CniVerb, record: CniRecord, signal?: AbortSignal): Promise<unknown>;
  /** Each plugin has its turn; the first failure is thrown. `valid` are the sandboxes that are on the network. */
  askNetwork(
    verb: CniNetworkVerb,
    network: CniNetworkConfig,
    valid?: readonly string[],
    signal?: AbortSignal,
  ): Promise<void>;
}

export function createCniChain(directories: readonly string[]): CniChain {
  const spoken = new Map<string, { readonly changedAtMs: number; readonly versions: readonly string[] }>();

  const versionsOf = async (type: string, signal?: AbortSignal): Promise<readonly string[]> => {
    const path = await findPlugin(type, directories);
    const changedAtMs = (await stat(path)).mtimeMs;
    const known = spoken.get(path);
    if (known?.changedAtMs === changedAtMs) return known.versions;
    const answer = await runPlugin(versionCall(type), directories, signal);
    try {
      const versions = versionsIn(answer);
      spoken.set(path, { changedAtMs, versions });
      return versions;
    } catch (error) {
      throw new AgentError("network", `plugin type=${JSON.stringify(type)}: ${messageOf(error)}`, error);
    }
  };
  const askEach = async (calls: readonly CniCall[], signal?: AbortSignal): Promise<void> => {
    const failures: unknown[] = [];
    for (const call of calls)
      await runPlugin(call, directories, signal).catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  };

  return {
    async find({ plugins }) {
      for (const { type } of plugins) await findPlugin(type, directories);
    },
    async settle(network, signal) {
      const supported = new Map<string, readonly string[]>();
      for (const { type } of network.plugins) supported.set(type, await versionsOf(type, signal));
      return settleVersion(network, supported);
    },
    async ask(verb, { network, attachment, result }, signal) {
      const { plugins } = network;
      if (verb === "DEL") {
        const calls = plugins.toReversed().map((plugin) => cniCall(network, plugin, verb, attachment, result));
        await askEach(calls, signal);
        return undefined;
      }
      let previous = verb === "ADD" ? undefined : result;
      for (const plugin of plugins) {
        const answer = await runPlugin(cniCall(network, plugin, verb, attachment, previous), directories, signal);
        if (verb === "ADD") previous = answer;
      }
      return verb === "ADD" ? previous : undefined;
    },
    askNetwork: (verb, network, valid, signal) =>
      askEach(
        network.plugins.map((plugin) => cniNetworkCall(network, plugin, verb, valid)),
        signal,
      ),
  };
}
