// CNI as values: what a configuration file says, and what each plugin is told, for one sandbox or for the network. By the specification, versions
// 0.3.0 to 1.1.0 (`cni-versions.ts`). Running plugins is `io/net/cni-plugins.ts`'s.
import type { Pod } from "@coxswain/api/core/v1";

type Json = Readonly<Record<string, unknown>>;

/** With the names of the file, so that it can be written down and read again. */
export interface CniNetworkConfig {
  readonly cniVersion: string;
  /** What else it may be understood as, from 1.1.0 on. */
  readonly cniVersions: readonly string[];
  readonly name: string;
  readonly disableCheck: boolean;
  readonly disableGC: boolean;
  readonly plugins: readonly CniPluginConfig[];
}

export interface CniPluginConfig extends Json {
  readonly type: string;
}

/** Asked about one sandbox. */
export type CniVerb = "ADD" | "CHECK" | "DEL";
/** Asked about the network as a whole. */
export type CniNetworkVerb = "GC" | "STATUS";

/** One sandbox as plugins know it. */
export interface CniAttachment {
  readonly sandboxId: string;
  /** "" when the namespace is gone. */
  readonly netns: string;
  readonly args: string;
  readonly runtimeConfig: Json;
}

export interface CniCall {
  readonly plugin: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly input: string;
}

const interfaceName = "eth0";

/** A list of plugins (`.conflist`), or one alone (`.conf`, `.json`). Throws a sentence. */
export function parseCniConfig(text: string): CniNetworkConfig {
  const value: unknown = JSON.parse(text);
  if (!isRecord(value)) throw new Error("expected an object");
  const { cniVersion = "0.3.1", cniVersions = [], name, plugins = [value] } = value;
  if (typeof cniVersion !== "string") throw new Error("cniVersion is not a text");
  if (!isTexts(cniVersions)) throw new Error("cniVersions is not a list of texts");
  // It becomes a name in the file systems of plugins.
  if (typeof name !== "string" || !/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name))
    throw new Error("the network has no good name");
  if (!Array.isArray(plugins) || plugins.length === 0) throw new Error("there are no plugins");
  return {
    ...{ cniVersion, cniVersions, name },
    ...{ disableCheck: value["disableCheck"] === true, disableGC: value["disableGC"] === true },
    plugins: plugins.map(pluginOf),
  };
}

function pluginOf(value: unknown): CniPluginConfig {
  // The type is a file's name below the directory of plugins.
  if (!isRecord(value) || typeof value["type"] !== "string" || !/^[\w][\w.-]*$/.test(value["type"]))
    throw new Error("a plugin has no good type");
  return { ...value, type: value["type"] };
}

/** What one plugin of the list is asked; the result of the one before goes along. */
export function cniCall(
  network: CniNetworkConfig,
  plugin: CniPluginConfig,
  verb: CniVerb,
  attachment: CniAttachment,
  previous: unknown,
): CniCall {
  const { capabilities, ...own } = plugin;
  const wanted = Object.entries(isRecord(capabilities) ? capabilities : {}).filter(([, isOn]) => isOn === true);
  const runtimeConfig = Object.fromEntries(
    wanted.flatMap(([name]) => (name in attachment.runtimeConfig ? [[name, attachment.runtimeConfig[name]]] : [])),
  );
  return {
    plugin: plugin.type,
    environment: {
      CNI_COMMAND: verb,
      CNI_CONTAINERID: attachment.sandboxId,
      CNI_NETNS: attachment.netns,
      CNI_IFNAME: interfaceName,
      CNI_ARGS: attachment.args,
    },
    input: JSON.stringify({
      ...own,
      ...{ cniVersion: network.cniVersion, name: network.name },
      ...(Object.keys(runtimeConfig).length > 0 ? { runtimeConfig } : {}),
      ...(previous === undefined ? {} : { prevResult: previous }),
    }),
  };
}

/** What one plugin of the list is asked about the whole network; `valid` are the sandboxes that are on it, for GC. */
export function cniNetworkCall(
  network: CniNetworkConfig,
  plugin: CniPluginConfig,
  verb: CniNetworkVerb,
  valid: readonly string[] = [],
): CniCall {
  const { capabilities: _, ...own } = plugin;
  const attachments = valid.map((containerID) => ({ containerID, ifname: interfaceName }));
  return {
    plugin: plugin.type,
    environment: { CNI_COMMAND: verb },
    input: JSON.stringify({
      ...own,
      ...{ cniVersion: network.cniVersion, name: network.name },
      ...(verb === "GC" ? { "cni.dev/valid-attachments": attachments } : {}),
    }),
  };
}

/** What plugins may want to know of the pod. */
export function attachmentOf(pod: Pod, sandboxId: string, netns: string): CniAttachment {
  const { namespace = "", name, uid = "" } = pod.metadata;
  const words = {
    IgnoreUnknown: "1",
    K8S_POD_NAMESPACE: namespace,
    K8S_POD_NAME: name,
    K8S_POD_INFRA_CONTAINER_ID: sandboxId,
  };
  const args = Object.entries({ ...words, K8S_POD_UID: uid }).map(([key, value]) => `${key}=${value}`);
  return { sandboxId, netns, args: args.join(";"), runtimeConfig: { portMappings: portMappingsOf(pod) } };
}

function portMappingsOf({ spec }: Pod): readonly Json[] {
  const { containers = [], initContainers = [] } = spec ?? {};
  return [...containers, ...initContainers.filter(({ restartPolicy }) => restartPolicy === "Always")]
    .flatMap(({ ports = [] }) => ports)
    .filter(({ hostPort = 0 }) => hostPort > 0)
    .map(({ hostPort, containerPort, protocol = "TCP", hostIP = "" }) => ({
      ...{ hostPort, containerPort, protocol: protocol.toLowerCase() },
      ...(hostIP === "" ? {} : { hostIP }),
    }));
}

/** The first IPv4 address of a result; undefined when it has none. */
export function addressIn(result: unknown): string | undefined {
  const ips = isRecord(result) && Array.isArray(result["ips"]) ? (result["ips"] as readonly unknown[]) : [];
  for (const ip of ips) {
    const address = isRecord(ip) && typeof ip["address"] === "string" ? ip["address"] : "";
    const [, found] = /^(\d+\.\d+\.\d+\.\d+)\/\d+$/.exec(address) ?? [];
    if (found !== undefined) return found;
  }
  return undefined;
}

/** What a plugin that failed has said: an error of the specification, or anything. */
export function failureIn(output: string): string {
  try {
    const value: unknown = JSON.parse(output);
    if (isRecord(value) && typeof value["msg"] === "string")
      return [value["msg"], value["details"]].filter((part) => typeof part === "string" && part !== "").join("; ");
  } catch {
    // It has said something else.
  }
  return output.trim();
}

export function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}

export function isRecord(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
