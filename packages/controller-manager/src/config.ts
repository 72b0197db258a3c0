// The controller manager's flags, under kube-controller-manager's names, and the one value they become.
import { readFileSync } from "node:fs";
import { ClientError, loadKubeconfig } from "@coxswain/client";
import type { ClientConfig } from "@coxswain/client";
import { defineFlags, UsageError, version } from "@coxswain/daemon";
import type { FlagValues, HttpsServerConfig } from "@coxswain/daemon";
import { controllerNames, selectControllers } from "./controllers.ts";
import type { ControllerName } from "./controllers.ts";
import type { SigningConfig } from "./controllers/certificates/controllers.ts";
import type { AutoscalerConfig } from "./controllers/horizontal-pod-autoscaler/controller.ts";
import type { EvictionRates } from "./controllers/node-lifecycle/zones.ts";
import { parseRange } from "./controllers/node-ipam/plan.ts";
import type { Range } from "./controllers/node-ipam/plan.ts";

export const flags = defineFlags({
  kubeconfig: { type: "string", required: true, help: "File that says where the API server is and who we are" },
  master: { type: "string", default: "", help: "Address of the API server, instead of the kubeconfig's" },
  controllers: {
    type: "list",
    default: ["*"],
    help: `Controllers to run: "*" for all, "name" to add, "-name" to leave out. All: ${controllerNames.join(", ")}`,
  },
  "bind-address": { type: "string", default: "0.0.0.0", help: "Address to serve /healthz, /readyz and /metrics on" },
  "secure-port": { type: "number", default: 10257, help: "Port of that server; 0 for none" },
  "tls-cert-file": { type: "string", default: "", help: "The server's certificate (PEM)" },
  "tls-private-key-file": { type: "string", default: "", help: "Its key (PEM)" },
  "client-ca-file": { type: "string", default: "", help: "Authority of the clients that may read /metrics" },
  "leader-elect": { type: "boolean", default: true, help: "Work only while holding the lease" },
  "leader-elect-lease-duration": {
    type: "duration",
    default: "15s",
    help: "How long others wait before they take over",
  },
  "leader-elect-renew-deadline": {
    type: "duration",
    default: "10s",
    help: "How long a leader goes on without a renewal",
  },
  "leader-elect-retry-period": { type: "duration", default: "2s", help: "Time between tries" },
  "leader-elect-resource-name": { type: "string", default: "kube-controller-manager", help: "The lease's name" },
  "leader-elect-resource-namespace": { type: "string", default: "kube-system", help: "The lease's namespace" },
  "allocate-node-cidrs": { type: "boolean", default: true, help: "Give every node a pod CIDR" },
  "cluster-cidr": { type: "string", default: "10.244.0.0/16", help: "Addresses of all pods (IPv4)" },
  "node-cidr-mask-size": { type: "number", default: 24, help: "Size of a node's part of them" },
  "root-ca-file": {
    type: "string",
    default: "",
    help: "Certificate published as kube-root-ca.crt; by default the kubeconfig's",
  },
  "service-account-private-key-file": {
    type: "string",
    default: "",
    help: "Key that tokens in secrets are signed with (PEM); tokens that end are the API server's",
  },
  "local-volume-dir": {
    type: "string",
    default: "/var/lib/coxswain/local-volumes",
    help: "Where nodes keep volumes on their own disks; the node agents' flag of the same name",
  },
  "cluster-signing-cert-file": { type: "string", default: "", help: "Authority that signs certificate requests (PEM)" },
  "cluster-signing-key-file": { type: "string", default: "", help: "Its key (PEM); without both nothing is signed" },
  "cluster-signing-duration": {
    type: "duration",
    default: "8760h",
    help: "Longest life of a certificate that is signed",
  },
  "use-service-account-credentials": {
    type: "boolean",
    default: true,
    help: "Each controller acts as a service account of its own",
  },
  "node-monitor-grace-period": {
    type: "duration",
    default: "40s",
    help: "Silence after which a node counts as unreachable",
  },
  "node-startup-grace-period": { type: "duration", default: "60s", help: "The same for a node that has never spoken" },
  "horizontal-pod-autoscaler-sync-period": {
    type: "duration",
    default: "15s",
    help: "How often each autoscaler looks at its metrics",
  },
  "horizontal-pod-autoscaler-downscale-stabilization": {
    type: "duration",
    default: "5m",
    help: "A size shrinks to the largest that was recommended within this time, where the autoscaler does not say otherwise",
  },
  "horizontal-pod-autoscaler-tolerance": {
    type: "string",
    default: "0.1",
    help: "How far a metric may be from its target without consequence, as a part of it",
  },
  "horizontal-pod-autoscaler-cpu-initialization-period": {
    type: "duration",
    default: "5m",
    help: "For so long after its start the CPU of a pod counts only while it is ready",
  },
  "horizontal-pod-autoscaler-initial-readiness-delay": {
    type: "duration",
    default: "30s",
    help: "A pod that is unready since this early in its life has never been ready",
  },
  "node-eviction-rate": {
    type: "string",
    default: "0.1",
    help: "Nodes of a zone per second that lose their pods when they are down",
  },
  "secondary-node-eviction-rate": {
    type: "string",
    default: "0.01",
    help: "The same while much of a large zone is down; in a small one nobody loses pods then",
  },
  "unhealthy-zone-threshold": {
    type: "string",
    default: "0.55",
    help: "The part of a zone's nodes (three at least) that are down from which on much of it is",
  },
  "large-cluster-size-threshold": {
    type: "number",
    default: 50,
    help: "A zone of more nodes than this is large",
  },
  "terminated-pod-gc-threshold": {
    type: "number",
    default: 12500,
    help: "Ended pods kept before the oldest are removed; 0 keeps all",
  },
});

export interface ControllerManagerConfig {
  readonly client: ClientConfig;
  readonly controllers: readonly ControllerName[];
  readonly serving: HttpsServerConfig | undefined;
  readonly leaderElection:
    | {
        readonly namespace: string;
        readonly name: string;
        readonly leaseDurationMs: number;
        readonly renewDeadlineMs: number;
        readonly retryPeriodMs: number;
      }
    | undefined;
  /** What certificate requests are signed with; undefined where nothing is signed. */
  readonly signing: SigningConfig | undefined;
  /** Whether each controller acts as a service account of its own, or all as whom the kubeconfig names. */
  readonly ownAccounts: boolean;
  readonly cluster: Range;
  readonly nodeMask: number;
  readonly rootCa: string;
  readonly localVolumes: string;
  /** "" where tokens in secrets are not made. */
  readonly tokenKeyFile: string;
  readonly nodeGraceMs: number;
  readonly nodeStartupGraceMs: number;
  readonly evictionRates: EvictionRates;
  readonly terminatedThreshold: number;
  readonly autoscaling: AutoscalerConfig;
}

export function parseConfig(values: FlagValues<typeof flags>): ControllerManagerConfig {
  const servers = values.master === "" ? undefined : values.master.split(",");
  const client = readKubeconfig(values.kubeconfig, servers);
  const cluster = parseRange(values["cluster-cidr"]);
  const nodeMask = values["node-cidr-mask-size"];
  if (cluster === undefined)
    throw new UsageError(`--cluster-cidr must be an IPv4 range, found ${JSON.stringify(values["cluster-cidr"])}`);
  if (nodeMask < cluster.prefix || nodeMask > 30) {
    throw new UsageError(`--node-cidr-mask-size must be between ${cluster.prefix} and 30, found ${nodeMask}`);
  }
  const [leaseDurationMs, renewDeadlineMs, retryPeriodMs] = [
    values["leader-elect-lease-duration"],
    values["leader-elect-renew-deadline"],
    values["leader-elect-retry-period"],
  ];
  if (leaseDurationMs <= renewDeadlineMs || renewDeadlineMs <= retryPeriodMs) {
    throw new UsageError(
      "--leader-elect-lease-duration must be above the renew deadline, and that above the retry period",
    );
  }
  const controllers = selectControllers(values.controllers);
  return {
    client,
    controllers: values["allocate-node-cidrs"]
      ? controllers
      : controllers.filter((name) => name !== "node-ipam-controller"),
    serving: serving(values),
    leaderElection: values["leader-elect"]
      ? {
          namespace: values["leader-elect-resource-namespace"],
          name: values["leader-elect-resource-name"],
          leaseDurationMs,
          renewDeadlineMs,
          retryPeriodMs,
        }
      : undefined,
    signing: signing(values),
    ownAccounts: values["use-service-account-credentials"],
    cluster,
    nodeMask,
    rootCa: rootCa(values["root-ca-file"], client),
    localVolumes: values["local-volume-dir"],
    tokenKeyFile: values["service-account-private-key-file"],
    nodeGraceMs: values["node-monitor-grace-period"],
    nodeStartupGraceMs: values["node-startup-grace-period"],
    evictionRates: {
      perSecond: fraction("node-eviction-rate", values["node-eviction-rate"]),
      secondaryPerSecond: fraction("secondary-node-eviction-rate", values["secondary-node-eviction-rate"]),
      unhealthyThreshold: fraction("unhealthy-zone-threshold", values["unhealthy-zone-threshold"]),
      largeZone: values["large-cluster-size-threshold"],
    },
    terminatedThreshold: values["terminated-pod-gc-threshold"],
    autoscaling: autoscaling(values),
  };
}

function autoscaling(values: FlagValues<typeof flags>): AutoscalerConfig {
  const periodMs = values["horizontal-pod-autoscaler-sync-period"];
  if (periodMs <= 0) throw new UsageError("--horizontal-pod-autoscaler-sync-period must be above zero");
  return {
    periodMs,
    tolerance: fraction("horizontal-pod-autoscaler-tolerance", values["horizontal-pod-autoscaler-tolerance"]),
    downWindowMs: values["horizontal-pod-autoscaler-downscale-stabilization"],
    cpuInitializationMs: values["horizontal-pod-autoscaler-cpu-initialization-period"],
    readinessDelayMs: values["horizontal-pod-autoscaler-initial-readiness-delay"],
  };
}

/** Flags count in whole numbers; these do not. */
function fraction(flag: string, text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value < 0)
    throw new UsageError(`--${flag} must be a number from 0 on, found ${JSON.stringify(text)}`);
  return value;
}

function readKubeconfig(path: string, servers: readonly string[] | undefined): ClientConfig {
  try {
    return loadKubeconfig(path, { userAgent: `coxswain-controller-manager/${version}`, servers });
  } catch (error) {
    if (error instanceof ClientError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}

function signing(values: FlagValues<typeof flags>): ControllerManagerConfig["signing"] {
  const [certFile, keyFile] = [values["cluster-signing-cert-file"], values["cluster-signing-key-file"]];
  if (certFile === "" && keyFile === "") return undefined;
  if (certFile === "" || keyFile === "")
    throw new UsageError("--cluster-signing-cert-file and --cluster-signing-key-file belong together");
  readPem("cluster-signing-cert-file", certFile);
  readPem("cluster-signing-key-file", keyFile);
  return { certFile, keyFile, longestMs: values["cluster-signing-duration"] };
}

function serving(values: FlagValues<typeof flags>): HttpsServerConfig | undefined {
  const [port, certFile, keyFile] = [values["secure-port"], values["tls-cert-file"], values["tls-private-key-file"]];
  if (port === 0) return undefined;
  if (certFile === "" || keyFile === "") {
    throw new UsageError(
      "--tls-cert-file and --tls-private-key-file are needed to serve; --secure-port=0 serves nothing",
    );
  }
  return { host: values["bind-address"], port, certFile, keyFile, clientCaFile: values["client-ca-file"] || undefined };
}

function rootCa(file: string, client: ClientConfig): string {
  if (file === "")
    return client.ca === undefined
      ? ""
      : "data" in client.ca
        ? client.ca.data
        : readPem("root-ca-file", client.ca.file);
  return readPem("root-ca-file", file);
}

function readPem(flag: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new UsageError(`--${flag} ${file} cannot be read (${(cause as NodeJS.ErrnoException).code})`);
  }
}
