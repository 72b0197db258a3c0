// Credential plugins (client.authentication.k8s.io): runs the command a kubeconfig names and reads the ExecCredential it prints.
// Runs it once per client, before the first request: what the plugin gives lasts as long as a command line does.
import { ClientError } from "../errors.ts";

export interface ExecPlugin {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly apiVersion: string;
  readonly interactiveMode: string;
  readonly provideClusterInfo: boolean;
  readonly installHint?: string | undefined;
}

/** What a plugin is run with; without it plugins are refused. */
export interface PluginHost {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** True when a person can answer questions of the plugin. */
  readonly interactive: boolean;
}

export interface PluginCredentials {
  readonly token?: { readonly data: string };
  readonly cert?: { readonly data: string };
  readonly key?: { readonly data: string };
}

interface PluginCluster {
  readonly server: string;
  readonly caData?: string | undefined;
  readonly tlsServerName?: string | undefined;
  readonly insecureSkipTlsVerify: boolean;
}

const invalid = (message: string, cause?: unknown): ClientError =>
  new ClientError("kubeconfig-invalid", message, { cause });

/** Throws a ClientError that says what the plugin did instead of answering. */
export function runExecPlugin(plugin: ExecPlugin, cluster: PluginCluster, host: PluginHost): PluginCredentials {
  if (plugin.interactiveMode === "Always" && !host.interactive)
    throw invalid(`getting credentials: exec plugin cannot support interactive mode: standard input is not a terminal`);
  const interactive = host.interactive && plugin.interactiveMode !== "Never";
  const info = {
    apiVersion: plugin.apiVersion,
    kind: "ExecCredential",
    spec: {
      interactive,
      ...(plugin.provideClusterInfo
        ? {
            cluster: {
              server: cluster.server,
              ...(cluster.tlsServerName === undefined ? {} : { "tls-server-name": cluster.tlsServerName }),
              ...(cluster.insecureSkipTlsVerify ? { "insecure-skip-tls-verify": true } : {}),
              ...(cluster.caData === undefined
                ? {}
                : { "certificate-authority-data": Buffer.from(cluster.caData).toString("base64") }),
            },
          }
        : {}),
    },
  };
  // Not imported: every command line reads a kubeconfig, few of them run a plugin.
  const { spawnSync } = process.getBuiltinModule("node:child_process");
  const ran = spawnSync(plugin.command, plugin.args, {
    env: {
      ...host.env,
      ...Object.fromEntries(plugin.env.map(({ name, value }) => [name, value])),
      KUBERNETES_EXEC_INFO: JSON.stringify(info),
    },
    stdio: [interactive ? "inherit" : "ignore", "pipe", "inherit"],
    maxBuffer: 4 * 1024 * 1024,
  });
  if (ran.error) {
    const missing = (ran.error as NodeJS.ErrnoException).code === "ENOENT";
    const hint = plugin.installHint === undefined || !missing ? "" : `\n\n${plugin.installHint}`;
    throw invalid(
      `getting credentials: exec: executable ${plugin.command} ${missing ? "not found" : `failed: ${ran.error.message}`}${hint}`,
      ran.error,
    );
  }
  if (ran.status !== 0)
    throw invalid(
      `getting credentials: exec: executable ${plugin.command} failed with exit code ${ran.status ?? ran.signal}`,
    );
  return readCredential(ran.stdout.toString("utf8"), plugin);
}

function readCredential(text: string, plugin: ExecPlugin): PluginCredentials {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch (cause) {
    throw invalid(
      `getting credentials: decoding stdout of ${plugin.command}: expected an ExecCredential, found ${JSON.stringify(text.slice(0, 60))}`,
      cause,
    );
  }
  const { apiVersion, status } = (answer ?? {}) as { apiVersion?: unknown; status?: Record<string, unknown> };
  if (apiVersion !== plugin.apiVersion)
    throw invalid(
      `getting credentials: exec plugin is configured to use API version ${plugin.apiVersion}, plugin returned version ${String(apiVersion)}`,
    );
  const part = (name: string): string | undefined => {
    const value = status?.[name];
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  const [token, cert, key] = [part("token"), part("clientCertificateData"), part("clientKeyData")];
  if (token === undefined && cert === undefined)
    throw invalid("getting credentials: exec plugin didn't return a token or cert/key pair");
  if ((cert === undefined) !== (key === undefined))
    throw invalid("getting credentials: exec plugin returned only certificate or key, not both");
  return {
    ...(token === undefined ? {} : { token: { data: token } }),
    ...(cert === undefined || key === undefined ? {} : { cert: { data: cert }, key: { data: key } }),
  };
}
