// From kubeconfig files to a ClientConfig, by kubectl's rules: of several files the first to say something wins, relative
// paths are relative to the file that names them, inline data wins over files. Reads no environment: the caller passes
// the value of KUBECONFIG. Credential plugins (exec) are run where the caller
// gives what to run them with; auth-providers, which Kubernetes has dropped, are refused in words.
//
// Several API servers: kubectl knows one address per cluster, so the others stand in an extension it ignores:
//   cluster: { server: https://10.0.0.1:6443, extensions: [{ name: coxswain.io/servers, extension: { servers: [https://10.0.0.2:6443] } }] }
import { readFileSync, statSync } from "node:fs";
import { dirname, isAbsolute, resolve } from "node:path";
import type { ClientConfig, Pem } from "../config.ts";
import { ClientError } from "../errors.ts";
import { runExecPlugin } from "./exec-plugin.ts";
import type { PluginHost } from "./exec-plugin.ts";
import { mergeKubeconfigs, parseKubeconfig } from "./parse.ts";
import type { Cluster, Kubeconfig, User } from "./parse.ts";

export interface KubeconfigOptions {
  readonly userAgent: string;
  /** Names that override the file's current context. */
  readonly context?: string | undefined;
  readonly cluster?: string | undefined;
  readonly user?: string | undefined;
  readonly namespace?: string | undefined;
  /** Addresses that override the file's (`--master`, `--server`). */
  readonly servers?: readonly string[] | undefined;
  readonly insecureSkipTlsVerify?: boolean | undefined;
  readonly tlsServerName?: string | undefined;
  /** A file that overrides the cluster's authority. */
  readonly caFile?: string | undefined;
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
  /** Overrides whatever credentials the file has. */
  readonly token?: string | undefined;
  readonly impersonate?: ClientConfig["impersonate"];
  readonly requestTimeoutMs?: number | undefined;
  /** Lets credential plugins run. */
  readonly plugins?: PluginHost | undefined;
}

/** Loads one file, or a list as KUBECONFIG holds it ("a:b"); of a list, files that do not exist are passed over. */
export function loadKubeconfig(path: string, options: KubeconfigOptions): ClientConfig {
  const paths = path.split(":").filter((part) => part !== "");
  if (paths.length === 0) throw invalid("no kubeconfig file is named");
  const files = paths.map((file) => readKubeconfig(file, paths.length > 1)).filter((file) => file !== undefined);
  if (files.length === 0) throw invalid(`none of the kubeconfig files ${paths.join(", ")} exists`);
  const config = selectContext(mergeKubeconfigs(files), paths.join(":"), options);
  // Who overrides the addresses does not want the file's.
  if (options.servers !== undefined) return config;
  return { ...config, rereadServers: createRereader(paths, () => loadKubeconfig(path, options).servers) };
}

/** Answers once for each change of the files: masters come and go while clients run. */
function createRereader(paths: readonly string[], read: () => readonly string[]): () => readonly string[] | undefined {
  const stamp = (): string => paths.map((path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0).join(" ");
  let seen = stamp();
  return () => {
    const now = stamp();
    if (now === seen) return undefined;
    seen = now;
    try {
      return read();
    } catch {
      return undefined; // A file that cannot be used now says nothing; the servers that are known stay.
    }
  };
}

function readKubeconfig(path: string, mayBeMissing: boolean): Kubeconfig | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === "ENOENT" && mayBeMissing) return undefined;
    const found =
      code === "ENOENT" ? "does not exist" : code === "EACCES" ? "may not be read" : `cannot be read (${code})`;
    throw invalid(`kubeconfig ${path} ${found}`, cause);
  }
  return parseKubeconfig(text, path, (file) => (isAbsolute(file) ? file : resolve(dirname(path), file)));
}

function selectContext(kubeconfig: Kubeconfig, path: string, options: KubeconfigOptions): ClientConfig {
  const contextName = options.context ?? kubeconfig.currentContext;
  const context = contextName === undefined ? undefined : kubeconfig.contexts.get(contextName);
  if (contextName !== undefined && context === undefined) {
    throw invalid(`kubeconfig ${path} has no context named ${JSON.stringify(contextName)}`);
  }
  const clusterName = options.cluster ?? context?.cluster;
  const cluster = clusterName === undefined ? undefined : kubeconfig.clusters.get(clusterName);
  if (cluster === undefined && (clusterName !== undefined || options.servers === undefined)) {
    throw invalid(
      clusterName === undefined
        ? `kubeconfig ${path} names no current-context`
        : `kubeconfig ${path} has no cluster named ${JSON.stringify(clusterName)}`,
    );
  }
  const userName = options.user ?? context?.user;
  const user = userName === undefined ? undefined : kubeconfig.users.get(userName);
  if (userName !== undefined && user === undefined) {
    throw invalid(`kubeconfig ${path} has no user named ${JSON.stringify(userName)}`);
  }
  const run = user?.exec !== undefined && options.token === undefined ? options.plugins : undefined;
  if (user?.plugin !== undefined && run === undefined && options.token === undefined) {
    throw invalid(
      `kubeconfig ${path} gets the credentials of user ${JSON.stringify(userName)} from ${user.plugin}, which is not supported`,
    );
  }
  const servers = options.servers ?? [cluster?.server ?? "", ...(cluster?.moreServers ?? [])];
  for (const server of servers) checkServer(server, path);
  return {
    servers,
    userAgent: options.userAgent,
    namespace: options.namespace ?? context?.namespace ?? "default",
    ...trust(cluster, options),
    ...credentials(user),
    ...(run !== undefined && user?.exec !== undefined
      ? runExecPlugin(
          user.exec,
          {
            server: servers[0] ?? "",
            caData: cluster?.ca && readPem(cluster.ca),
            tlsServerName: cluster?.tlsServerName,
            insecureSkipTlsVerify: cluster?.insecureSkipTlsVerify ?? false,
          },
          run,
        )
      : {}),
    ...(options.certFile === undefined ? {} : { cert: checkPem({ file: options.certFile }) }),
    ...(options.keyFile === undefined ? {} : { key: checkPem({ file: options.keyFile }) }),
    ...(options.token === undefined ? {} : { token: { data: options.token } }),
    ...(options.impersonate === undefined ? {} : { impersonate: options.impersonate }),
    ...(cluster?.proxyUrl === undefined ? {} : { proxyUrl: cluster.proxyUrl }),
    ...(options.requestTimeoutMs === undefined ? {} : { requestTimeoutMs: options.requestTimeoutMs }),
  };
}

function trust(cluster: Cluster | undefined, options: KubeconfigOptions): Partial<ClientConfig> {
  return {
    ...(options.caFile !== undefined
      ? { ca: checkPem({ file: options.caFile }) }
      : cluster?.ca
        ? { ca: checkPem(cluster.ca) }
        : {}),
    ...((options.tlsServerName ?? cluster?.tlsServerName) === undefined
      ? {}
      : { tlsServerName: options.tlsServerName ?? cluster?.tlsServerName ?? "" }),
    insecureSkipTlsVerify: options.insecureSkipTlsVerify ?? cluster?.insecureSkipTlsVerify ?? false,
  };
}

function credentials(user: User | undefined): Partial<ClientConfig> {
  if (user === undefined) return {};
  if ((user.cert === undefined) !== (user.key === undefined)) {
    throw invalid(
      `a kubeconfig user has a client ${user.cert ? "certificate without its key" : "key without its certificate"}`,
    );
  }
  return {
    ...(user.cert && user.key ? { cert: checkPem(user.cert), key: checkPem(user.key) } : {}),
    ...(user.token ? { token: user.token } : {}),
    ...(user.basic ? { basic: user.basic } : {}),
    ...(user.impersonate ? { impersonate: user.impersonate } : {}),
  };
}

const readPem = (pem: Pem): string => ("data" in pem ? pem.data : readFileSync(pem.file, "utf8"));

/** A file that is missing now is found out now, rather than at the first request. */
function checkPem(pem: Pem): Pem {
  let text: string;
  if ("data" in pem) text = pem.data;
  else {
    try {
      text = readFileSync(pem.file, "utf8");
    } catch (cause) {
      throw invalid(
        `${pem.file}, named by the kubeconfig, cannot be read (${(cause as NodeJS.ErrnoException).code})`,
        cause,
      );
    }
  }
  if (!text.includes("-----BEGIN "))
    throw invalid(`${"file" in pem ? pem.file : "certificate or key data in the kubeconfig"} is not PEM`);
  return pem;
}

function checkServer(server: string, path: string): void {
  if (URL.canParse(server) && /^https?:$/.test(new URL(server).protocol)) return;
  throw invalid(`kubeconfig ${path} has a server address that is not an http(s) URL: ${JSON.stringify(server)}`);
}

const invalid = (message: string, cause?: unknown): ClientError =>
  new ClientError("kubeconfig-invalid", message, { cause });
