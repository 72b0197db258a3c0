// CNI as values: what a configuration file says, and what each plugin is told for one sandbox. By the specification, versions 0.3.1 to 1.1.0.
// Running plugins is `io/net/cni-plugins.ts`'s.
import type { Pod } from "@coxswain/api/core/v1";

type Json = Readonly<Record<string, unknown>>;

export interface CniNetworkConfig {
  readonly cniVersion: string;
  readonly name: string;
  readonly plugins: readonly CniPluginConfig[];
}

export interface CniPluginConfig extends Json {
  readonly type: string;
}

export type CniVerb = "ADD" | "DEL";

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
  const { cniVersion = "0.3.1", name, plugins = [value] } = value;
  if (typeof cniVersion !== "string") throw new Error("cniVersion is not a text");
  // It becomes a name in the file systems of plugins.
  if (typeof name !== "string" || !/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name))
    throw new Error("the network has no good name");
  if (!Array.isArray(plugins) || plugins.length === 0) throw new Error("there are no plugins");
  return { cniVersion, name, plugins: plugins.map(pluginOf) };
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

export function isRecord(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
