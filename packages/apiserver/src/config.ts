// Every flag of the apiserver, under kube-apiserver's names, and what becomes of them: one readonly value.
import { defineFlags, flagTexts, UsageError } from "@coxswain/daemon";
import type { FlagValues } from "@coxswain/daemon";
import type { AdmissionConfig } from "./core/admission/order.ts";
import { auditModes } from "./core/audit/policy.ts";
import type { AuditMode } from "./core/audit/policy.ts";
import type { RequestHeaderConfig } from "./core/authn/request-header.ts";
import type { AuthorizationMode } from "./core/authz/authorizer.ts";
import { authorizationModes } from "./core/authz/authorizer.ts";
import type { IpRange } from "./core/registry/core/service/allocation/ip-range.ts";
import { parseIpRange } from "./core/registry/core/service/allocation/ip-range.ts";
import type { PortRange } from "./core/registry/core/service/allocation/port-allocator.ts";
import { parsePortRange } from "./core/registry/core/service/allocation/port-allocator.ts";
import type { LogFileConfig } from "./io/audit/log-file.ts";
import type { AuditWebhookConfig } from "./io/audit/webhook.ts";

export const flagTable = defineFlags({
  "etcd-servers": { type: "list", required: true, help: "The stores, such as https://10.0.0.1:2379" },
  "etcd-cafile": { type: "string", help: "Authority of the stores' certificates" },
  "etcd-certfile": { type: "string", help: "Certificate to show to the stores" },
  "etcd-keyfile": { type: "string", help: "Its key" },
  "etcd-compaction-interval": {
    type: "duration",
    default: "5m",
    help: "How long history is kept at least; 0 leaves compaction to others",
  },
  "bind-address": { type: "string", default: "0.0.0.0", help: "Address to listen on" },
  "secure-port": { type: "number", default: 6443, help: "Port to listen on" },
  "advertise-address": { type: "string", help: "Address others reach this server by; default: the bind address" },
  "tls-cert-file": { type: "string", required: true, help: "Serving certificate" },
  "tls-private-key-file": { type: "string", required: true, help: "Its key" },
  "client-ca-file": { type: "string", help: "Authority of client certificates" },
  "requestheader-client-ca-file": {
    type: "string",
    help: "Authority of proxies that name in headers whom they speak for",
  },
  "requestheader-allowed-names": {
    type: "list",
    default: [],
    help: "Common names of such proxies; none: any that the authority has signed",
  },
  "requestheader-username-headers": { type: "list", default: ["X-Remote-User"], help: "Headers with the user's name" },
  "requestheader-uid-headers": { type: "list", default: ["X-Remote-Uid"], help: "Headers with the user's uid" },
  "requestheader-group-headers": { type: "list", default: ["X-Remote-Group"], help: "Headers with the user's groups" },
  "requestheader-extra-headers-prefix": {
    type: "list",
    default: ["X-Remote-Extra-"],
    help: "How headers begin that say more of the user",
  },
  "token-auth-file": { type: "string", help: 'Static bearer tokens: token,user,uid,"group1,group2"' },
  "enable-bootstrap-token-auth": {
    type: "boolean",
    default: false,
    help: "Accept bootstrap tokens, secrets of kube-system by which machines join",
  },
  "anonymous-auth": {
    type: "boolean",
    default: true,
    help: "Serve requests without credentials as system:anonymous; not with AlwaysAllow",
  },
  "authorization-mode": {
    type: "list",
    default: ["Node", "RBAC"],
    help: `In this order: ${authorizationModes.join(", ")}`,
  },
  "enable-admission-plugins": { type: "list", default: [], help: "In addition to the default ones" },
  "disable-admission-plugins": { type: "list", default: [], help: "Of the default ones" },
  "service-cluster-ip-range": { type: "string", default: "10.96.0.0/12", help: "Addresses of services" },
  "service-node-port-range": { type: "string", default: "30000-32767", help: "Ports of services on nodes" },
  "service-account-issuer": {
    type: "list",
    default: ["https://kubernetes.default.svc.cluster.local"],
    help: "Issuer of tokens; further ones are accepted",
  },
  "service-account-key-file": { type: "list", default: [], help: "Keys that tokens are checked with" },
  "service-account-signing-key-file": { type: "string", help: "Key that tokens are signed with" },
  "service-account-max-token-expiration": {
    type: "duration",
    default: "0",
    help: "Longest life of a token; 0 is no limit",
  },
  "api-audiences": { type: "list", default: [], help: "What tokens must be meant for; default: the issuer" },
  "default-not-ready-toleration-seconds": {
    type: "number",
    default: 300,
    help: "How long pods that say nothing stay on a node that is not ready",
  },
  "default-unreachable-toleration-seconds": {
    type: "number",
    default: 300,
    help: "How long pods that say nothing stay on a node that has fallen silent",
  },
  "kubelet-client-certificate": { type: "string", help: "Certificate to show to node agents" },
  "kubelet-client-key": { type: "string", help: "Its key" },
  "kubelet-certificate-authority": { type: "string", help: "Authority of node agents' certificates" },
  "proxy-client-cert-file": { type: "string", help: "Certificate to show to servers of other groups (APIServices)" },
  "proxy-client-key-file": { type: "string", help: "Its key" },
  "enable-priority-and-fairness": {
    type: "boolean",
    default: true,
    help: "Share the server among priority levels and flows; otherwise the next two are limits for all",
  },
  "audit-policy-file": {
    type: "string",
    help: "Which requests are written to the audit log; read again when it changes",
  },
  "audit-log-path": { type: "string", help: "File that the audit log is appended to; - is standard output" },
  "audit-log-mode": {
    type: "string",
    default: "blocking",
    help: `Whether requests wait until it is written that they have come: ${auditModes.join(", ")}`,
  },
  "audit-log-maxsize": { type: "number", default: 100, help: "Megabytes after which the audit log is put aside" },
  "audit-log-maxbackup": { type: "number", default: 0, help: "How many are kept aside; 0 is all" },
  "audit-log-maxage": { type: "number", default: 0, help: "How many days they are kept; 0 is for ever" },
  "audit-webhook-config-file": {
    type: "string",
    help: "A kubeconfig file that says which server audit events are sent to, and as whom",
  },
  "audit-webhook-mode": {
    type: "string",
    default: "batch",
    help: `Whether requests wait until it has arrived that they have come: ${auditModes.join(", ")}`,
  },
  "audit-webhook-initial-backoff": {
    type: "duration",
    default: "10s",
    help: "How long to wait before what did not arrive is sent again",
  },
  "audit-webhook-batch-buffer-size": { type: "number", default: 10_000, help: "How many events may wait to be sent" },
  "audit-webhook-batch-max-size": { type: "number", default: 400, help: "How many events are sent at once" },
  "audit-webhook-batch-max-wait": {
    type: "duration",
    default: "30s",
    help: "How long an event waits for others to be sent with",
  },
  "audit-webhook-batch-throttle-enable": { type: "boolean", default: true, help: "Keep to the next two" },
  "audit-webhook-batch-throttle-qps": { type: "number", default: 10, help: "Batches a second" },
  "audit-webhook-batch-throttle-burst": { type: "number", default: 15, help: "Batches at once, after a rest" },
  "max-requests-inflight": {
    type: "number",
    default: 400,
    help: "Reading requests at once; with the next one, what is shared out",
  },
  "max-mutating-requests-inflight": { type: "number", default: 200, help: "Writing requests at once" },
  "allow-privileged": {
    type: "boolean",
    default: true,
    help: "Kept for command lines; privileged containers are allowed",
  },
  "endpoint-reconciler-type": { type: "string", default: "lease", help: "Kept for command lines; only lease is known" },
});

export interface ApiServerConfig {
  readonly etcd: {
    readonly servers: readonly string[];
    readonly caFile?: string | undefined;
    readonly certFile?: string | undefined;
    readonly keyFile?: string | undefined;
  };
  readonly compactionIntervalMs: number;
  readonly listen: { readonly host: string; readonly port: number };
  readonly advertiseAddress: string;
  readonly tls: { readonly certFile: string; readonly keyFile: string; readonly clientCaFile?: string | undefined };
  /** Left out: no proxy may speak for others. */
  readonly requestHeader: (RequestHeaderConfig & { readonly caFile: string }) | undefined;
  readonly tokenFile: string | undefined;
  readonly bootstrapTokens: boolean;
  readonly anonymousAuth: boolean;
  readonly authorizationModes: readonly AuthorizationMode[];
  readonly admission: AdmissionConfig;
  readonly serviceRange: IpRange;
  readonly nodePortRange: PortRange;
  readonly serviceAccounts: {
    readonly issuers: readonly string[];
    readonly audiences: readonly string[];
    readonly keyFiles: readonly string[];
    readonly signingKeyFile: string | undefined;
    readonly maxExpirationSeconds: number;
  };
  readonly agents: {
    readonly certFile: string | undefined;
    readonly keyFile: string | undefined;
    readonly caFile: string | undefined;
  };
  /** What other servers are shown. */
  readonly aggregation: { readonly certFile: string | undefined; readonly keyFile: string | undefined };
  /** Left out: nothing is written. */
  readonly audit:
    | {
        readonly policyFile: string;
        readonly log: (LogFileConfig & { readonly mode: AuditMode }) | undefined;
        readonly webhook: AuditWebhookConfig | undefined;
      }
    | undefined;
  readonly limits: { readonly isFair: boolean; readonly reading: number; readonly mutating: number };
  /** All of them, in the syntax of the command line, for who asks the running server. */
  readonly flags: ReadonlyMap<string, string>;
}

/** Throws UsageError for values that contradict each other or mean nothing. */
export function readConfig(flags: FlagValues<typeof flagTable>): ApiServerConfig {
  const issuers = flags["service-account-issuer"];
  const host = flags["bind-address"];
  const advertised = flags["advertise-address"] ?? (host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host);
  return {
    etcd: {
      servers: flags["etcd-servers"],
      caFile: flags["etcd-cafile"],
      certFile: flags["etcd-certfile"],
      keyFile: flags["etcd-keyfile"],
    },
    compactionIntervalMs: flags["etcd-compaction-interval"],
    listen: { host, port: flags["secure-port"] },
    advertiseAddress: advertised,
    tls: {
      certFile: flags["tls-cert-file"],
      keyFile: flags["tls-private-key-file"],
      clientCaFile: flags["client-ca-file"],
    },
    requestHeader: requestHeaderOf(flags),
    tokenFile: flags["token-auth-file"],
    bootstrapTokens: flags["enable-bootstrap-token-auth"],
    // Who may be anybody must at least say who they are.
    anonymousAuth: flags["anonymous-auth"] && !flags["authorization-mode"].includes("AlwaysAllow"),
    authorizationModes: flags["authorization-mode"].map(modeOf),
    admission: {
      enabled: flags["enable-admission-plugins"],
      disabled: flags["disable-admission-plugins"],
      tolerations: {
        notReadySeconds: whole("default-not-ready-toleration-seconds", flags["default-not-ready-toleration-seconds"]),
        unreachableSeconds: whole(
          "default-unreachable-toleration-seconds",
          flags["default-unreachable-toleration-seconds"],
        ),
      },
    },
    serviceRange: parsed("service-cluster-ip-range", flags["service-cluster-ip-range"], parseIpRange),
    nodePortRange: parsed("service-node-port-range", flags["service-node-port-range"], parsePortRange),
    serviceAccounts: {
      issuers,
      audiences: flags["api-audiences"].length > 0 ? flags["api-audiences"] : issuers.slice(0, 1),
      keyFiles: flags["service-account-key-file"],
      signingKeyFile: flags["service-account-signing-key-file"],
      maxExpirationSeconds: flags["service-account-max-token-expiration"] / 1000,
    },
    agents: {
      certFile: flags["kubelet-client-certificate"],
      keyFile: flags["kubelet-client-key"],
      caFile: flags["kubelet-certificate-authority"],
    },
    aggregation: { certFile: flags["proxy-client-cert-file"], keyFile: flags["proxy-client-key-file"] },
    audit: auditOf(flags),
    limits: {
      isFair: flags["enable-priority-and-fairness"],
      reading: flags["max-requests-inflight"],
      mutating: flags["max-mutating-requests-inflight"],
    },
    flags: flagTexts(flagTable, flags),
  };
}

function requestHeaderOf(flags: FlagValues<typeof flagTable>): ApiServerConfig["requestHeader"] {
  const caFile = flags["requestheader-client-ca-file"];
  if (caFile === undefined) return undefined;
  return {
    caFile,
    allowedNames: flags["requestheader-allowed-names"],
    username: flags["requestheader-username-headers"],
    uid: flags["requestheader-uid-headers"],
    group: flags["requestheader-group-headers"],
    extraPrefix: flags["requestheader-extra-headers-prefix"],
  };
}

/** Without a policy nothing is worth writing, without a file or a server it has no place, as in Kubernetes. */
function auditOf(flags: FlagValues<typeof flagTable>): ApiServerConfig["audit"] {
  const [policyFile, path] = [flags["audit-policy-file"], flags["audit-log-path"]];
  const file = flags["audit-webhook-config-file"];
  if (policyFile === undefined || (path === undefined && file === undefined)) return undefined;
  // Kubernetes' own way of leaving the size to its default.
  const megabytes = flags["audit-log-maxsize"] || 100;
  return {
    policyFile,
    log:
      path === undefined
        ? undefined
        : {
            path,
            mode: auditModeOf(flags, "audit-log-mode"),
            longestBytes: megabytes * 1024 * 1024,
            mostAside: flags["audit-log-maxbackup"],
            oldestMs: flags["audit-log-maxage"] * 86_400_000,
          },
    webhook: file === undefined ? undefined : auditWebhookOf(flags, file),
  };
}

function auditWebhookOf(flags: FlagValues<typeof flagTable>, file: string): AuditWebhookConfig {
  const positive = (
    flag:
      | "audit-webhook-batch-buffer-size"
      | "audit-webhook-batch-max-size"
      | "audit-webhook-batch-throttle-qps"
      | "audit-webhook-batch-throttle-burst",
  ): number => {
    const value = flags[flag];
    if (value > 0 && (Number.isInteger(value) || flag.endsWith("qps"))) return value;
    throw new UsageError(`invalid argument "${value}" for "--${flag}" flag: must be a positive number`);
  };
  return {
    file,
    mode: auditModeOf(flags, "audit-webhook-mode"),
    initialBackoffMs: flags["audit-webhook-initial-backoff"],
    batch: {
      bufferSize: positive("audit-webhook-batch-buffer-size"),
      maxSize: positive("audit-webhook-batch-max-size"),
      maxWaitMs: flags["audit-webhook-batch-max-wait"],
      throttle: flags["audit-webhook-batch-throttle-enable"]
        ? {
            qps: positive("audit-webhook-batch-throttle-qps"),
            burst: positive("audit-webhook-batch-throttle-burst"),
          }
        : undefined,
    },
  };
}

function auditModeOf(flags: FlagValues<typeof flagTable>, flag: "audit-log-mode" | "audit-webhook-mode"): AuditMode {
  const mode = auditModes.find((known) => known === flags[flag]);
  if (mode) return mode;
  throw new UsageError(
    `invalid argument ${JSON.stringify(flags[flag])} for "--${flag}" flag: expected ${auditModes.join(", ")}`,
  );
}

function modeOf(text: string): AuthorizationMode {
  const mode = authorizationModes.find((known) => known === text);
  if (!mode)
    throw new UsageError(
      `invalid argument ${JSON.stringify(text)} for "--authorization-mode" flag: expected ${authorizationModes.join(", ")}`,
    );
  return mode;
}

function whole(flag: string, value: number): number {
  if (Number.isInteger(value) && value >= 0) return value;
  throw new UsageError(`invalid argument "${value}" for "--${flag}" flag: expected a whole number of seconds`);
}

function parsed<T>(flag: string, text: string, parse: (text: string) => T): T {
  try {
    return parse(text);
  } catch (cause) {
    throw new UsageError(`invalid argument ${JSON.stringify(text)} for "--${flag}" flag: ${(cause as Error).message}`, {
      cause,
    });
  }
}
