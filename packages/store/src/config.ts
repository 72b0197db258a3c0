// Every flag of the store, under etcd's own names and defaults, parsed into one readonly value.
import { UsageError, defineFlags, parseDuration } from "@coxswain/daemon";
import type { FlagValues } from "@coxswain/daemon";
import type { AutoCompaction } from "./core/auto-compaction.ts";
import { parseAuthToken } from "./core/auth/token-options.ts";
import type { TokenOptions } from "./core/auth/token-options.ts";
import { defaultSegmentBytes } from "./io/wal/wal.ts";

export const flags = defineFlags({
  name: { type: "string", default: "default", help: "Human-readable name of this member" },
  "data-dir": { type: "string", default: "", help: "Directory of this member's data (default NAME.etcd)" },
  "listen-client-urls": { type: "list", default: ["http://localhost:2379"], help: "URLs to serve clients on" },
  "advertise-client-urls": {
    type: "list",
    default: [],
    help: "Client URLs to tell the rest of the cluster (default: those listened on)",
  },
  "listen-peer-urls": {
    type: "list",
    default: [],
    help: "URLs to serve other members on; needed with more than one member",
  },
  "initial-advertise-peer-urls": {
    type: "list",
    default: ["http://localhost:2380"],
    help: "Peer URLs to tell the rest of the cluster",
  },
  "initial-cluster": { type: "string", default: "", help: "The first members, as name=peer-url,… (default: this one)" },
  "initial-cluster-state": {
    type: "string",
    default: "new",
    help: '"new", or "existing" for a member that was added to a running cluster',
  },
  "initial-cluster-token": { type: "string", default: "etcd-cluster", help: "Keeps clusters with equal URLs apart" },
  "cert-file": { type: "string", default: "", help: "Certificate of the client port" },
  "key-file": { type: "string", default: "", help: "Key of the client port" },
  "trusted-ca-file": { type: "string", default: "", help: "Authority that client certificates are checked against" },
  "client-cert-auth": {
    type: "boolean",
    default: false,
    help: "Refuse clients without a certificate of that authority",
  },
  "peer-cert-file": { type: "string", default: "", help: "Certificate of the peer port" },
  "peer-key-file": { type: "string", default: "", help: "Key of the peer port" },
  "peer-trusted-ca-file": {
    type: "string",
    default: "",
    help: "Authority that peers' certificates are checked against",
  },
  "peer-client-cert-auth": {
    type: "boolean",
    default: false,
    help: "Refuse peers without a certificate of that authority",
  },
  "heartbeat-interval": { type: "number", default: 100, help: "Milliseconds between heartbeats" },
  "election-timeout": { type: "number", default: 1000, help: "Milliseconds without a leader before an election" },
  "snapshot-count": { type: "number", default: 10_000, help: "Entries between two checkpoints of the log" },
  "snapshot-catchup-entries": {
    type: "number",
    default: 5000,
    help: "Entries kept in memory behind a checkpoint for followers that lag a little",
  },
  "quota-backend-bytes": { type: "number", default: 0, help: "Size at which writes are refused (0: 2 GiB)" },
  "max-txn-ops": { type: "number", default: 128, help: "Most operations in one transaction" },
  "max-request-bytes": { type: "number", default: 1_572_864, help: "Largest request" },
  "auto-compaction-mode": { type: "string", default: "periodic", help: '"periodic" or "revision"' },
  "auto-compaction-retention": {
    type: "string",
    default: "0",
    help: "How much history to keep: a duration (or hours), or a number of revisions; 0: all",
  },
  "watch-progress-notify-interval": {
    type: "duration",
    default: "10m",
    help: "How often a quiet watch is told of progress",
  },
  "experimental-watch-progress-notify-interval": {
    type: "duration",
    help: "The older name of --watch-progress-notify-interval",
  },
  "auth-token": {
    type: "string",
    default: "simple",
    help: 'What users are given for a password: "simple", or "jwt,sign-method=ES256,pub-key=FILE,priv-key=FILE,ttl=5m"',
  },
  "auth-token-ttl": { type: "number", default: 300, help: "Seconds a simple token lives after its last use" },
  "enable-grpc-gateway": { type: "boolean", default: true, help: "Serve the JSON gateway under /v3/" },
  cors: { type: "list", default: ["*"], help: "Origins whose scripts may call the gateway; * for all" },
  "bcrypt-cost": { type: "number", default: 10, help: "Cost of hashing passwords, 4 to 31" },
  logger: { type: "string", default: "zap", help: "Taken for etcd's sake; logs are JSON on stderr" },
});

export interface TlsFileNames {
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string | undefined;
  readonly requireClientCertificate: boolean;
}

export interface StoreConfig {
  readonly name: string;
  readonly dataDir: string;
  readonly listenClientUrls: readonly URL[];
  readonly advertiseClientUrls: readonly string[];
  readonly listenPeerUrls: readonly URL[];
  readonly initial: {
    readonly members: readonly { readonly name: string; readonly peerUrls: readonly string[] }[];
    readonly state: "new" | "existing";
    readonly token: string;
  };
  readonly clientTls: TlsFileNames | undefined;
  readonly peerTls: TlsFileNames | undefined;
  readonly heartbeatMs: number;
  readonly electionMs: number;
  readonly snapshotCount: number;
  readonly catchUpEntries: number;
  /** Size of one file of the write-ahead log. No flag: only a simulation wants small ones. */
  readonly walSegmentBytes: number;
  readonly quotaBytes: number;
  readonly maxTxnOps: number;
  readonly maxRequestBytes: number;
  readonly autoCompaction: AutoCompaction | undefined;
  readonly progressIntervalMs: number;
  readonly gateway: boolean;
  readonly cors: readonly string[];
  readonly auth: {
    readonly token: TokenOptions;
    readonly tokenTtlMs: number;
    readonly bcryptCost: number;
  };
}

/** Throws `UsageError`, one sentence that names the flag. */
export function parseConfig(values: FlagValues<typeof flags>): StoreConfig {
  const name = values.name;
  const clientTls = tlsOf(
    "",
    values["cert-file"],
    values["key-file"],
    values["trusted-ca-file"],
    values["client-cert-auth"],
  );
  const peerTls = tlsOf(
    "peer-",
    values["peer-cert-file"],
    values["peer-key-file"],
    values["peer-trusted-ca-file"],
    values["peer-client-cert-auth"],
  );
  const listenClientUrls = urlsOf("listen-client-urls", values["listen-client-urls"], clientTls);
  const listenPeerUrls = urlsOf("listen-peer-urls", values["listen-peer-urls"], peerTls);
  const state = values["initial-cluster-state"];
  if (state !== "new" && state !== "existing")
    throw new UsageError(`--initial-cluster-state must be "new" or "existing", found ${JSON.stringify(state)}`);
  const members = membersOf(
    values["initial-cluster"] || values["initial-advertise-peer-urls"].map((url) => `${name}=${url}`).join(","),
  );
  if (!members.some((member) => member.name === name))
    throw new UsageError(`couldn't find local name ${JSON.stringify(name)} in the initial cluster configuration`);
  if (members.length > 1 && listenPeerUrls.length === 0)
    throw new UsageError("--listen-peer-urls is needed in a cluster of more than one member");
  const electionMs = values["election-timeout"];
  if (electionMs < 5 * values["heartbeat-interval"]) {
    throw new UsageError(
      `--election-timeout[${electionMs}ms] should be at least as 5 times as --heartbeat-interval[${values["heartbeat-interval"]}ms]`,
    );
  }
  return {
    name,
    dataDir: values["data-dir"] || `${name}.etcd`,
    listenClientUrls,
    advertiseClientUrls:
      values["advertise-client-urls"].length > 0
        ? values["advertise-client-urls"]
        : listenClientUrls.map((url) => url.origin),
    listenPeerUrls,
    initial: { members, state, token: values["initial-cluster-token"] },
    clientTls,
    peerTls,
    heartbeatMs: values["heartbeat-interval"],
    electionMs,
    snapshotCount: values["snapshot-count"],
    catchUpEntries: values["snapshot-catchup-entries"],
    walSegmentBytes: defaultSegmentBytes,
    quotaBytes: values["quota-backend-bytes"],
    maxTxnOps: values["max-txn-ops"],
    maxRequestBytes: values["max-request-bytes"],
    autoCompaction: autoCompactionOf(values["auto-compaction-mode"], values["auto-compaction-retention"]),
    progressIntervalMs:
      values["experimental-watch-progress-notify-interval"] ?? values["watch-progress-notify-interval"],
    gateway: values["enable-grpc-gateway"],
    cors: values.cors,
    auth: authOf(values["auth-token"], values["auth-token-ttl"], values["bcrypt-cost"]),
  };
}

function authOf(text: string, ttlSeconds: number, bcryptCost: number): StoreConfig["auth"] {
  const token = parseAuthToken(text, parseDuration);
  if ("fault" in token) throw new UsageError(`--auth-token: ${token.fault}`);
  if (!Number.isInteger(bcryptCost) || bcryptCost < 4 || bcryptCost > 31)
    throw new UsageError(`--bcrypt-cost: expected 4 to 31, found ${bcryptCost}`);
  if (ttlSeconds <= 0) throw new UsageError(`--auth-token-ttl: expected seconds above 0, found ${ttlSeconds}`);
  return { token, tokenTtlMs: ttlSeconds * 1000, bcryptCost };
}

function tlsOf(
  prefix: string,
  certFile: string,
  keyFile: string,
  caFile: string,
  auth: boolean,
): TlsFileNames | undefined {
  if (auth && !caFile) throw new UsageError(`--${prefix}client-cert-auth needs --${prefix}trusted-ca-file`);
  if (!certFile && !keyFile) return undefined;
  if (!certFile || !keyFile) throw new UsageError(`--${prefix}cert-file and --${prefix}key-file are needed together`);
  return { certFile, keyFile, caFile: caFile || undefined, requireClientCertificate: auth };
}

/** Plain HTTP stays on this machine. */
function urlsOf(flag: string, texts: readonly string[], tls: TlsFileNames | undefined): readonly URL[] {
  return texts.map((text) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (!url || (url.protocol !== "http:" && url.protocol !== "https:") || !url.port) {
      throw new UsageError(`--${flag}: expected a URL such as https://127.0.0.1:2379, found ${JSON.stringify(text)}`);
    }
    if (url.protocol === "https:" && !tls) throw new UsageError(`--${flag}: ${text} needs a certificate and a key`);
    const local = ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname);
    if (url.protocol === "http:" && !local)
      throw new UsageError(`--${flag}: ${text} is plain text and not on this machine; use https`);
    return url;
  });
}

/** `name=peer-url,…` */
export function membersOf(text: string): { name: string; peerUrls: string[] }[] {
  const members = new Map<string, string[]>();
  for (const pair of text.split(",").filter(Boolean)) {
    const [name, url] = pair.split("=", 2);
    if (!name || !url || !URL.canParse(url))
      throw new UsageError(`--initial-cluster: expected name=peer-url, found ${JSON.stringify(pair)}`);
    members.set(name, [...(members.get(name) ?? []), url]);
  }
  return Array.from(members, ([name, peerUrls]) => ({ name, peerUrls }));
}

function autoCompactionOf(mode: string, retention: string): AutoCompaction | undefined {
  const count = /^\d+$/.test(retention) ? Number(retention) : undefined;
  if (count === 0) return undefined;
  if (mode === "revision") {
    if (count === undefined)
      throw new UsageError(
        `--auto-compaction-retention: expected a number of revisions, found ${JSON.stringify(retention)}`,
      );
    return { mode, retain: count };
  }
  if (mode !== "periodic")
    throw new UsageError(`--auto-compaction-mode must be "periodic" or "revision", found ${JSON.stringify(mode)}`);
  const retentionMs = count === undefined ? parseDuration(retention) : count * 3_600_000;
  if (retentionMs === undefined)
    throw new UsageError(
      `--auto-compaction-retention: expected a duration or hours, found ${JSON.stringify(retention)}`,
    );
  return { mode, retentionMs };
}
