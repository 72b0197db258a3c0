// Every flag of the node agent once, under the kubelet's names, and the one value they are parsed into.
import { hostname } from "node:os";
import { join } from "node:path";
import type { ContainerLog } from "@coxswain/container-runtime";
import type { LogBudget } from "./io/logs/retained.ts";
import { UsageError, defineFlags } from "@coxswain/daemon";
import type { FlagValues } from "@coxswain/daemon";
import type { Taint } from "@coxswain/api/core/v1";
import { amountOf } from "./core/container/amount.ts";
import { networkFlags, readNetworkConfig } from "./config/network.ts";
import type { NetworkConfig } from "./config/network.ts";
import { readResourceConfig, resourceFlags } from "./config/resources.ts";
import type { ResourceConfig } from "./config/resources.ts";
import { readServerConfig, serverFlags } from "./config/server.ts";
import type { ServerConfig } from "./config/server.ts";
import { leastBackoffMs } from "./core/pod/backoff.ts";
import type { BackoffTimes } from "./core/pod/backoff.ts";
import { defaultLeaseSeconds, renewIntervalMs } from "./core/heartbeat.ts";
import { parseTaint } from "./core/node/status.ts";

/** One agent on a machine needs no other. */
export const defaultClusterId = "coxswain";

/** Below it a slow answer or two would lose the node. */
const leastLeaseSeconds = 4;

export const flags = defineFlags({
  kubeconfig: {
    type: "string",
    required: true,
    help: "Path of the kubeconfig with which the agent talks to the API server",
  },
  "hostname-override": { type: "string", help: "Name of the node, instead of the machine's host name" },
  "node-ip": { type: "string", help: "Address of the node, instead of the first one found" },
  "node-labels": { type: "list", default: [], help: "Labels for the node, key=value" },
  "register-with-taints": { type: "list", default: [], help: "Taints for a new node, key=value:Effect" },
  "cluster-dns": { type: "list", default: ["10.96.0.10"], help: "Name servers for pods with dnsPolicy ClusterFirst" },
  "cluster-domain": { type: "string", default: "cluster.local", help: "Domain of the cluster's names" },
  "cluster-cidr": {
    type: "string",
    default: "10.244.0.0/16",
    help: "Addresses of all pods; what leaves it is masqueraded",
  },
  "cluster-id": { type: "string", default: defaultClusterId, help: "Mark of this cluster's containers on the machine" },
  "pod-cidr": { type: "string", help: "Addresses of this node's pods, when nobody allocates them" },
  "bridge-name": { type: "string", default: "cox0", help: "Bridge that the pods of this node are connected to" },
  "root-dir": {
    type: "string",
    default: "/var/lib/coxswain/node-agent",
    help: "Directory for volumes and pods' files",
  },
  "local-volume-dir": {
    type: "string",
    default: "/var/lib/coxswain/local-volumes",
    help: "Where volumes on this node's own disk are kept; the controller manager's flag of the same name",
  },
  "resolv-conf": {
    type: "string",
    default: "/etc/resolv.conf",
    help: "The resolver's file that dnsPolicy Default starts from",
  },
  "container-runtime-endpoint": {
    type: "string",
    default: "unix:///var/run/docker.sock",
    help: "Socket of the Docker Engine",
  },
  "pod-infra-container-image": {
    type: "string",
    default: "coxswain/pause:1",
    help: "Image of the container that holds a pod's namespaces",
  },
  "pod-manifest-path": { type: "string", help: "Directory (or file) of manifests of pods that run without the API" },
  "file-check-frequency": {
    type: "duration",
    default: "20s",
    help: "How often the manifests are read again, besides at changes",
  },
  "manifest-url": { type: "string", help: "URL of manifests of pods that run without the API" },
  "manifest-url-header": { type: "list", default: [], help: "Headers for --manifest-url, key:value" },
  "http-check-frequency": { type: "duration", default: "20s", help: "How often --manifest-url is asked" },
  "serialize-image-pulls": { type: "boolean", default: false, help: "Pull one image after another" },
  "max-parallel-image-pulls": { type: "number", default: 3, help: "How many images are pulled at once" },
  "container-log-max-size": { type: "string", default: "10Mi", help: "A container's log is begun anew at this size" },
  "container-log-max-files": {
    type: "number",
    default: 5,
    help: "How many files of a container's log are kept, at least 2",
  },
  "retained-log-size": {
    type: "string",
    default: "256Mi",
    help: "Logs of removed containers are kept up to this size in all; 0 keeps none",
  },
  "retained-log-age": { type: "duration", default: "24h", help: "Logs of removed containers are kept for so long" },
  "node-lease-duration-seconds": {
    type: "number",
    default: defaultLeaseSeconds,
    help: "How long the node's lease lasts; it is renewed four times in it",
  },
  "fence-after": {
    type: "duration",
    default: "60s",
    help: "After so long without a renewal of its lease the agent ends pods annotated coxswain.io/fencing=true",
  },
  "crash-backoff-initial": {
    type: "duration",
    default: "10s",
    help: "First wait before a failing container's next attempt",
  },
  "crash-backoff-max": { type: "duration", default: "5m", help: "Longest such wait; both at least 1s" },
  "endpoint-withdrawal-timeout": {
    type: "duration",
    default: "5s",
    help: "Longest wait, before a deleted pod is stopped, for the proxies to stop sending it connections; 0 does not wait",
  },
  "max-pods": { type: "number", default: 110, help: "How many pods the node takes" },
  ...networkFlags,
  ...resourceFlags,
  ...serverFlags,
  "cleanup-on-stop": {
    type: "boolean",
    default: false,
    help: "Remove containers, links, rules and mounts when stopped",
  },
  "cleanup-and-exit": { type: "boolean", default: false, help: "Remove containers, links, rules and mounts, then end" },
});

export interface NodeAgentConfig extends ServerConfig, ResourceConfig {
  readonly kubeconfig: string;
  readonly nodeName: string;
  readonly nodeIp: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  readonly clusterDns: readonly string[];
  readonly clusterDomain: string;
  readonly clusterCidr: string;
  readonly clusterId: string;
  readonly podCidr: string | undefined;
  readonly bridge: string;
  readonly network: NetworkConfig;
  readonly rootDirectory: string;
  readonly localVolumeDirectory: string;
  readonly resolvConfFile: string;
  readonly runtimeSocket: string;
  readonly sandboxImage: string;
  readonly fenceAfterMs: number;
  readonly leaseSeconds: number;
  readonly mostPulls: number;
  readonly containerLog: ContainerLog;
  readonly retainedLogs: LogBudget;
  readonly backoff: BackoffTimes;
  readonly manifests: {
    readonly path: string | undefined;
    readonly pathCheckMs: number;
    readonly url: string | undefined;
    readonly urlHeaders: readonly (readonly [string, string])[];
    readonly urlCheckMs: number;
  };
  readonly withdrawalTimeoutMs: number;
  readonly maxPods: number;
  readonly cleanup: "never" | "on-stop" | "and-exit";
}

export function readConfig(values: FlagValues<typeof flags>): NodeAgentConfig {
  const endpoint = values["container-runtime-endpoint"];
  if (!/^(unix:\/\/)?\//.test(endpoint))
    throw new UsageError(`--container-runtime-endpoint: expected unix:///path, found ${JSON.stringify(endpoint)}`);
  return {
    kubeconfig: values.kubeconfig,
    nodeName: (values["hostname-override"] ?? hostname()).toLowerCase(),
    nodeIp: values["node-ip"],
    labels: Object.fromEntries(values["node-labels"].map((text) => pair("node-labels", text))),
    taints: values["register-with-taints"].map((text) => {
      const taint = parseTaint(text);
      if (!taint)
        throw new UsageError(`--register-with-taints: expected key=value:Effect, found ${JSON.stringify(text)}`);
      return taint;
    }),
    clusterDns: values["cluster-dns"],
    clusterDomain: values["cluster-domain"],
    clusterCidr: values["cluster-cidr"],
    clusterId: values["cluster-id"],
    podCidr: values["pod-cidr"],
    bridge: values["bridge-name"],
    network: readNetworkConfig(values),
    rootDirectory: values["root-dir"],
    localVolumeDirectory: values["local-volume-dir"],
    resolvConfFile: values["resolv-conf"],
    runtimeSocket: endpoint.replace(/^unix:\/\//, ""),
    sandboxImage: values["pod-infra-container-image"],
    mostPulls: values["serialize-image-pulls"] ? 1 : mostPulls(values["max-parallel-image-pulls"]),
    containerLog: containerLog(values["container-log-max-size"], values["container-log-max-files"]),
    retainedLogs: {
      directory: join(values["root-dir"], "retained-logs"),
      mostBytes: sizeOf("retained-log-size", values["retained-log-size"]),
      mostAgeMs: values["retained-log-age"],
    },
    fenceAfterMs: fenceAfter(values["fence-after"], values["node-lease-duration-seconds"]),
    leaseSeconds: leaseSeconds(values["node-lease-duration-seconds"]),
    backoff: backoff(values["crash-backoff-initial"], values["crash-backoff-max"]),
    manifests: {
      path: values["pod-manifest-path"],
      pathCheckMs: values["file-check-frequency"],
      url: manifestUrl(values["manifest-url"]),
      urlHeaders: values["manifest-url-header"].map((text) => {
        const at = text.indexOf(":");
        if (at <= 0) throw new UsageError(`--manifest-url-header: expected key:value, found ${JSON.stringify(text)}`);
        return [text.slice(0, at).trim(), text.slice(at + 1).trim()] as const;
      }),
      urlCheckMs: values["http-check-frequency"],
    },
    withdrawalTimeoutMs: values["endpoint-withdrawal-timeout"],
    maxPods: values["max-pods"],
    ...readResourceConfig(values),
    ...readServerConfig(values, values["root-dir"]),
    cleanup: values["cleanup-and-exit"] ? "and-exit" : values["cleanup-on-stop"] ? "on-stop" : "never",
  };
}

function pair(flag: string, text: string): readonly [string, string] {
  const at = text.indexOf("=");
  if (at <= 0) throw new UsageError(`--${flag}: expected key=value, found ${JSON.stringify(text)}`);
  return [text.slice(0, at), text.slice(at + 1)];
}

function manifestUrl(text: string | undefined): string | undefined {
  if (text !== undefined && !(URL.canParse(text) && /^https?:/.test(text)))
    throw new UsageError(`--manifest-url: expected an http or https URL, found ${JSON.stringify(text)}`);
  return text;
}

function backoff(firstMs: number, longestMs: number): BackoffTimes {
  if (firstMs < leastBackoffMs || longestMs < firstMs)
    throw new UsageError(
      `--crash-backoff-initial and --crash-backoff-max: expected 1s <= initial <= max, found ${firstMs / 1000}s and ${longestMs / 1000}s`,
    );
  return { firstMs, longestMs };
}

/** Two renewals must have room in it, or a slow answer would end pods of a healthy node. */
function fenceAfter(ms: number, leaseSeconds: number): number {
  const leastMs = 2 * renewIntervalMs(leaseSeconds);
  if (ms < leastMs) throw new UsageError(`--fence-after: expected at least ${leastMs / 1000}s, found ${ms / 1000}s`);
  return ms;
}

function leaseSeconds(value: number): number {
  if (Number.isInteger(value) && value >= leastLeaseSeconds) return value;
  throw new UsageError(
    `--node-lease-duration-seconds: expected a whole number of at least ${leastLeaseSeconds}, found ${value}`,
  );
}

function containerLog(size: string, mostFiles: number): ContainerLog {
  const mostBytes = sizeOf("container-log-max-size", size);
  if (mostBytes < 1024) throw new UsageError(`--container-log-max-size: expected at least 1Ki, found ${size}`);
  if (!Number.isInteger(mostFiles) || mostFiles < 2)
    throw new UsageError(`--container-log-max-files: expected at least 2, found ${mostFiles}`);
  return { mostBytes, mostFiles };
}

function sizeOf(flag: string, text: string): number {
  const bytes = amountOf(text);
  if (bytes === undefined || bytes < 0) throw new UsageError(`--${flag}: expected a size such as 10Mi, found ${text}`);
  return Math.floor(bytes);
}

function mostPulls(count: number): number {
  if (!Number.isInteger(count) || count < 1)
    throw new UsageError(`--max-parallel-image-pulls: expected at least 1, found ${count}`);
  return count;
}
