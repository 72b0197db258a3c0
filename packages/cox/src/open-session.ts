// Makes the session of one run from flags and the machine: finds the kubeconfig, opens nothing before the first request, prints the
// server's warnings, and tells of requests when asked with -v.
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { createClient, loadKubeconfig } from "@coxswain/client";
import type { Client, ClientConfig, RawResponse } from "@coxswain/client";
import { parseDuration } from "./args/flags.ts";
import type { Args, Flags } from "./args/flags.ts";
import { CommandError } from "./failure.ts";
import type { Mapper } from "./resource/mapper.ts";
import type { Host, Session } from "./session.ts";
import { coxVersion } from "./version.ts";

export interface OpenSession extends Session, AsyncDisposable {}

/** `own` are the command's flags: one that has the name of a global flag (`--user` of a binding) says nothing about the cluster. */
export function openSession(args: Args, host: Host, own: Flags = {}): OpenSession {
  const kubeconfigPath = kubeconfigPathOf(args, host);
  let client: Client | undefined;
  let mapper: Promise<Mapper> | undefined;
  let stdin: Promise<string> | undefined;
  let warned = 0;
  let config: ClientConfig | undefined;
  const clientConfig = (): ClientConfig => (config ??= withBasic(args, own, configOf(args, host, kubeconfigPath, own)));
  const connected = (): Client =>
    (client ??= watched(createClient(clientConfig(), host), args, host, () => (warned += 1)));
  return {
    ...host,
    kubeconfigPath,
    clientConfig,
    get client() {
      return connected();
    },
    get namespace() {
      return args.text("namespace") || connected().namespace;
    },
    namespaceGiven: args.text("namespace") !== "",
    mapper: () =>
      (mapper ??= import("./resource/discovery-cache.ts").then(({ loadMapper }) =>
        loadMapper(connected(), cacheDirectory(args, host), host),
      )),
    readStdin: () => (stdin ??= readAll(host)),
    async [Symbol.asyncDispose]() {
      await client?.close();
      if (warned > 0 && args.flag("warnings-as-errors"))
        throw new CommandError(`${warned} warning${warned === 1 ? "" : "s"} received`);
    },
  };
}

/** `--kubeconfig`, else KUBECONFIG, else ~/.kube/config. */
export function kubeconfigPathOf(args: Args, host: Host): string {
  return args.text("kubeconfig") || host.env["KUBECONFIG"] || join(host.home, ".kube", "config");
}

const cacheDirectory = (args: Args, host: Host): string =>
  args.has("cache-dir")
    ? args.text("cache-dir")
    : (host.env["KUBECACHEDIR"] ?? join(host.home, ".kube", "cache", "cox"));

/** A name and a password on the command line are there instead of the kubeconfig's token. */
function withBasic(args: Args, own: Flags, config: ClientConfig): ClientConfig {
  const username = own["username"] === undefined ? args.text("username") : "";
  if (username === "") return config;
  const { token: _other, ...rest } = config;
  return { ...rest, basic: { username, password: own["password"] === undefined ? args.text("password") : "" } };
}

const accountDirectory = "/var/run/secrets/kubernetes.io/serviceaccount";

function configOf(args: Args, host: Host, path: string, own: Flags): Parameters<typeof createClient>[0] {
  const given = (name: string): string | undefined =>
    own[name] === undefined ? args.text(name) || undefined : undefined;
  const userAgent = `cox/${coxVersion}`;
  const timeout = args.text("request-timeout");
  const requestTimeoutMs = /^\d+$/.test(timeout) ? Number(timeout) * 1000 : parseDuration(timeout);
  if (requestTimeoutMs === undefined)
    throw new CommandError(
      "Invalid timeout value. Timeout must be a single integer in seconds, or an integer followed by a corresponding time unit (e.g. 1s | 2m | 3h)",
    );
  const as = given("as");
  if (as === undefined && (args.list("as-group").length > 0 || given("as-uid") !== undefined))
    throw new CommandError("requesting groups or user-extra for  without impersonating a user");
  const server = given("server");
  const options = {
    userAgent,
    context: given("context"),
    cluster: given("cluster"),
    user: given("user"),
    namespace: given("namespace"),
    servers: server === undefined ? undefined : [/^https?:\/\//.test(server) ? server : `http://${server}`],
    ...(args.has("insecure-skip-tls-verify") ? { insecureSkipTlsVerify: args.flag("insecure-skip-tls-verify") } : {}),
    tlsServerName: given("tls-server-name"),
    caFile: given("certificate-authority"),
    certFile: given("client-certificate"),
    keyFile: given("client-key"),
    token: given("token"),
    impersonate:
      as === undefined
        ? undefined
        : {
            user: as,
            groups: [...args.list("as-group")],
            ...(given("as-uid") === undefined ? {} : { uid: args.text("as-uid") }),
          },
    requestTimeoutMs: requestTimeoutMs === 0 ? undefined : requestTimeoutMs,
    plugins: { env: host.env, interactive: host.input.isTerminal },
  };
  const exists = path.split(":").some((file) => statSync(file, { throwIfNoEntry: false }) !== undefined);
  if (exists || args.text("kubeconfig") !== "" || args.has("context")) return loadKubeconfig(path, options);
  if (options.servers === undefined && host.env["KUBERNETES_SERVICE_HOST"] !== undefined) {
    // Inside of a pod the account's own token opens the door.
    return {
      servers: [`https://${host.env["KUBERNETES_SERVICE_HOST"]}:${host.env["KUBERNETES_SERVICE_PORT"] ?? "443"}`],
      ca: { file: `${accountDirectory}/ca.crt` },
      token: options.token === undefined ? { file: `${accountDirectory}/token` } : { data: options.token },
      userAgent,
      namespace: options.namespace ?? readFileSync(`${accountDirectory}/namespace`, "utf8").trim(),
    };
  }
  return {
    servers: options.servers ?? ["http://localhost:8080"],
    userAgent,
    ...(options.namespace === undefined ? {} : { namespace: options.namespace }),
    ...(options.token === undefined ? {} : { token: { data: options.token } }),
    ...(options.caFile === undefined ? {} : { ca: { file: options.caFile } }),
    ...(options.certFile === undefined ? {} : { cert: { file: options.certFile } }),
    ...(options.keyFile === undefined ? {} : { key: { file: options.keyFile } }),
    ...(options.impersonate === undefined ? {} : { impersonate: options.impersonate }),
    ...(options.insecureSkipTlsVerify === undefined ? {} : { insecureSkipTlsVerify: options.insecureSkipTlsVerify }),
    ...(options.tlsServerName === undefined ? {} : { tlsServerName: options.tlsServerName }),
  };
}

/** The client, with an ear for warnings and a mouth for -v. */
function watched(client: Client, args: Args, host: Host, warn: () => void): Client {
  const said = new Set<string>();
  const verbosity = args.number("v");
  const listen = (headers: Readonly<Record<string, string>>): void => {
    for (const [, text] of (headers["warning"] ?? "").matchAll(/299 \S+ "((?:[^"\\]|\\.)*)"/g)) {
      const warning = (text ?? "").replace(/\\(.)/g, "$1");
      if (said.has(warning)) continue;
      said.add(warning);
      warn();
      host.err.write(`Warning: ${warning}\n`);
    }
  };
  return {
    ...client,
    get namespace() {
      return client.namespace;
    },
    async request(request) {
      const start = host.clock.monotonic();
      const answer: RawResponse = await client.request(request);
      listen(answer.headers);
      if (verbosity >= 6)
        host.err.write(
          `${request.method} ${client.server()}${request.path} ${answer.status} in ${Math.round(host.clock.monotonic() - start)} milliseconds\n`,
        );
      if (verbosity >= 8) {
        if (request.body !== undefined)
          host.err.write(
            `Request Body: ${typeof request.body === "string" ? request.body : JSON.stringify(request.body)}\n`,
          );
        host.err.write(`Response Body: ${answer.text()}\n`);
      }
      return answer;
    },
    async stream(request) {
      const answer = await client.stream(request);
      listen(answer.headers);
      if (verbosity >= 6) host.err.write(`${request.method} ${client.server()}${request.path} ${answer.status}\n`);
      return answer;
    },
  };
}

async function readAll(host: Host): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of host.input.chunks) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}
