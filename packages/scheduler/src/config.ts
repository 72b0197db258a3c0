// Every flag of the scheduler, under kube-scheduler's names, and the one value they become.
import { hostname } from "node:os";
import { UsageError, defineFlags } from "@coxswain/daemon";
import { readConfigFile } from "./config-file.ts";
import { defaultConfiguration } from "./core/configuration/configuration.ts";
import type { LeaderElectionConfiguration, SchedulerConfiguration } from "./core/configuration/types.ts";
import type { FlagValues, HttpsServerConfig } from "@coxswain/daemon";

export const flags = defineFlags({
  config: {
    type: "string",
    help: "Path to a KubeSchedulerConfiguration (kubescheduler.config.k8s.io/v1): profiles, plugins and their arguments, extenders",
  },
  kubeconfig: { type: "string", help: "Path to the kubeconfig of the API server to schedule for" },
  "bind-address": { type: "string", default: "0.0.0.0", help: "Address to serve on" },
  "secure-port": { type: "number", default: 10259, help: "Port to serve HTTPS on; 0 serves nothing" },
  "tls-cert-file": { type: "string", help: "Certificate to serve with" },
  "tls-private-key-file": { type: "string", help: "Key of the certificate" },
  "client-ca-file": { type: "string", help: "Authority of clients that may read metrics and decisions" },
  "leader-elect": {
    type: "boolean",
    default: true,
    help: "Schedule only while holding the lease, so that several may run",
  },
  "leader-elect-lease-duration": {
    type: "duration",
    default: "15s",
    help: "How long others wait after the last renewal",
  },
  "leader-elect-renew-deadline": {
    type: "duration",
    default: "10s",
    help: "How long the leader tries to renew before it gives up",
  },
  "leader-elect-retry-period": { type: "duration", default: "2s", help: "Pause between tries" },
  "leader-elect-resource-name": { type: "string", default: "kube-scheduler", help: "Name of the lease" },
  "leader-elect-resource-namespace": { type: "string", default: "kube-system", help: "Namespace of the lease" },
  "scheduler-name": {
    type: "string",
    default: "default-scheduler",
    help: "Pods with this spec.schedulerName are scheduled; with --config its profiles say which",
  },
});

export interface SchedulerConfig {
  readonly kubeconfig: string;
  /** Profiles, extenders and pauses. */
  readonly scheduling: SchedulerConfiguration;
  /** Absent: nothing is served. */
  readonly https: HttpsServerConfig | undefined;
  /** Absent: schedules without asking. */
  readonly leaderElection:
    | {
        readonly lease: { readonly namespace: string; readonly name: string };
        readonly leaseDurationMs: number;
        readonly renewDeadlineMs: number;
        readonly retryPeriodMs: number;
      }
    | undefined;
  /** Goes into the lease's holder and into events. */
  readonly host: string;
}

export function parseConfig(values: FlagValues<typeof flags>): SchedulerConfig {
  const scheduling =
    values.config === undefined ? defaultConfiguration(values["scheduler-name"]) : readConfigFile(values.config);
  const kubeconfig = values.kubeconfig ?? scheduling.kubeconfig;
  // Checked here and not by the flag table, so that --help works without it.
  if (kubeconfig === undefined) throw new UsageError('required flag(s) "kubeconfig" not set');
  return {
    kubeconfig,
    scheduling,
    https: values["secure-port"] === 0 ? undefined : httpsConfig(values),
    leaderElection: leaderElectionConfig(values, scheduling.leaderElection),
    host: hostname(),
  };
}

/** What the file says goes before what the flags say, as in kube-scheduler. */
function leaderElectionConfig(
  values: FlagValues<typeof flags>,
  file: LeaderElectionConfiguration | undefined,
): SchedulerConfig["leaderElection"] {
  if (!(file?.leaderElect ?? values["leader-elect"])) return undefined;
  return {
    lease: {
      namespace: file?.resourceNamespace ?? values["leader-elect-resource-namespace"],
      name: file?.resourceName ?? values["leader-elect-resource-name"],
    },
    leaseDurationMs: file?.leaseDurationMs ?? values["leader-elect-lease-duration"],
    renewDeadlineMs: file?.renewDeadlineMs ?? values["leader-elect-renew-deadline"],
    retryPeriodMs: file?.retryPeriodMs ?? values["leader-elect-retry-period"],
  };
}

function httpsConfig(values: FlagValues<typeof flags>): HttpsServerConfig {
  const [certFile, keyFile] = [values["tls-cert-file"], values["tls-private-key-file"]];
  if (certFile === undefined || keyFile === undefined)
    throw new UsageError(
      "--tls-cert-file and --tls-private-key-file are needed to serve, or --secure-port=0 to serve nothing",
    );
  return {
    host: values["bind-address"],
    port: values["secure-port"],
    certFile,
    keyFile,
    clientCaFile: values["client-ca-file"],
  };
}
