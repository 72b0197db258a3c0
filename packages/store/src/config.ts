// What the flags (flags.ts) mean together, as one readonly value; and what they may not say.
import { UsageError, parseDuration } from "@coxswain/daemon";
import type { FlagValues } from "@coxswain/daemon";
import type { AutoCompaction } from "./core/auto-compaction.ts";
import { parseAuthToken } from "./core/auth/token-options.ts";
import type { TokenOptions } from "./core/auth/token-options.ts";
import { tlsLimitsOf } from "./tls-limits.ts";
import type { TlsLimits } from "./tls-limits.ts";
import { flags, unusedFlags } from "./flags.ts";
import { defaultSegmentBytes } from "./io/wal/wal.ts";

export { flags };

export interface TlsFileNames {
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string | undefined;
  readonly crlFile?: string | undefined;
  /** Whoever names an authority means it, as in etcd: it need not be said twice. */
  readonly requireClientCertificate: boolean;
  /** A certificate's common name is a user's. */
  readonly namesUsers: boolean;
}

export interface StoreConfig {
  readonly name: string;
  readonly dataDir: string;
  readonly listenClientUrls: readonly URL[];
  readonly advertiseClientUrls: readonly string[];
  readonly listenPeerUrls: readonly URL[];
  /** Where HTTP is served apart from gRPC; empty: together. */
  readonly listenHttpUrls: readonly URL[];
  readonly listenMetricsUrls: readonly URL[];
  readonly initial: {
    readonly members: readonly { readonly name: string; readonly peerUrls: readonly string[] }[];
    readonly state: "new" | "existing";
    readonly token: string;
  };
  readonly clientTls: TlsFileNames | undefined;
  readonly peerTls: TlsFileNames | undefined;
  readonly tlsLimits: TlsLimits;
  /** Flags that were given a value and change nothing. */
  readonly unused: readonly string[];
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
  /** Go on alone with what is there. */
  readonly forceNewCluster: boolean;
  readonly corruptCheck: { readonly initial: boolean; /** 0: never. */ readonly intervalMs: number };
  readonly progressIntervalMs: number;
  /** Also how long calls take, which costs a little with each. */
  readonly extensiveMetrics: boolean;
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
  const { clientTls, peerTls } = tlsFilesOf(values);
  if (values["enable-v2"]) throw new UsageError("--enable-v2: the v2 API is not served");
  if (values["host-whitelist"].join() !== "*") throw new UsageError("--host-whitelist: only * is supported");
  const listenClientUrls = urlsOf("listen-client-urls", values["listen-client-urls"], clientTls);
  const listenPeerUrls = urlsOf("listen-peer-urls", values["listen-peer-urls"], peerTls);
  const listenHttpUrls = urlsOf("listen-client-http-urls", values["listen-client-http-urls"], clientTls);
  const listenMetricsUrls = urlsOf("listen-metrics-urls", values["listen-metrics-urls"], clientTls);
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
  checkAdvertised(
    members.find((member) => member.name === name)?.peerUrls ?? [],
    values["initial-advertise-peer-urls"],
  );
  const gates = gatesOf(values["feature-gates"]);
  const electionMs = values["election-timeout"];
  if (electionMs > mostElectionMs)
    throw new UsageError(
      `--election-timeout[${electionMs}ms] is too long, and should be set less than ${mostElectionMs}ms`,
    );
  if (electionMs < 5 * values["heartbeat-interval"]) {
    throw new UsageError(
      `--election-timeout[${electionMs}ms] should be at least as 5 times as --heartbeat-interval[${values["heartbeat-interval"]}ms]`,
    );
  }
  return {
    name,
    dataDir: values["data-dir"] || `${name}.etcd`,
    listenClientUrls,
    advertiseClientUrls: advertisedOf(values["advertise-client-urls"], listenClientUrls),
    listenPeerUrls,
    listenHttpUrls,
    listenMetricsUrls,
    initial: { members, state, token: values["initial-cluster-token"] },
    clientTls,
    peerTls,
    tlsLimits: tlsLimitsOf(values["cipher-suites"], values["tls-min-version"], values["tls-max-version"]),
    unused: [
      ...unusedFlags.filter((flag) => !isDefault(flag, values[flag])),
      ...[...gates.keys()].filter((gate) => gate !== corruptCheckGate).map((gate) => `feature-gates=${gate}`),
    ],
    heartbeatMs: values["heartbeat-interval"],
    electionMs,
    snapshotCount: values["snapshot-count"],
    catchUpEntries: values["snapshot-catchup-entries"],
    walSegmentBytes: defaultSegmentBytes,
    quotaBytes: values["quota-backend-bytes"],
    maxTxnOps: values["max-txn-ops"],
    maxRequestBytes: values["max-request-bytes"],
    autoCompaction: autoCompactionOf(values["auto-compaction-mode"], values["auto-compaction-retention"]),
    forceNewCluster: values["force-new-cluster"],
    corruptCheck: {
      initial: gates.get(corruptCheckGate) ?? values["experimental-initial-corrupt-check"],
      intervalMs: values["corrupt-check-time"] ?? values["experimental-corrupt-check-time"],
    },
    progressIntervalMs:
      values["experimental-watch-progress-notify-interval"] ?? values["watch-progress-notify-interval"],
    extensiveMetrics: metricsOf(values.metrics) === "extensive",
    gateway: values["enable-grpc-gateway"],
    cors: values.cors,
    auth: authOf(values["auth-token"], values["auth-token-ttl"], values["bcrypt-cost"]),
  };
}

function metricsOf(text: string): "basic" | "extensive" {
  if (text === "basic" || text === "extensive") return text;
  throw new UsageError(`--metrics must be "basic" or "extensive", found ${JSON.stringify(text)}`);
}

const corruptCheckGate = "InitialCorruptCheck";
/** etcd's, as of 3.6. */
const knownGates: readonly string[] = [
  ...["AllAlpha", "AllBeta", "CompactHashCheck", "LeaseCheckpoint", "LeaseCheckpointPersist"],
  ...["SetMemberLocalAddr", "StopGRPCServiceOnDefrag", "TxnModeWriteWithSharedBuffer", corruptCheckGate],
];

function gatesOf(text: string): ReadonlyMap<string, boolean> {
  const gates = new Map<string, boolean>();
  for (const pair of text.split(",").map((each) => each.trim())) {
    if (pair === "") continue;
    const [name = "", value] = pair.split("=", 2);
    if (value !== "true" && value !== "false")
      throw new UsageError(`--feature-gates: expected name=true or name=false, found ${JSON.stringify(pair)}`);
    if (!knownGates.includes(name)) throw new UsageError(`--feature-gates: unrecognized feature gate: ${name}`);
    gates.set(name, value === "true");
  }
  return gates;
}

/** Without a word, what is listened on; but nobody can be reached at "all addresses". */
function advertisedOf(advertised: readonly string[], listened: readonly URL[]): readonly string[] {
  if (advertised.length > 0) return advertised;
  if (listened.some(({ hostname }) => hostname === "0.0.0.0" || hostname === "[::]"))
    throw new UsageError("--advertise-client-urls is required when --listen-client-urls is set explicitly");
  return listened.map((url) => url.origin);
}

const mostElectionMs = 50_000;
const defaultAdvertised = flags["initial-advertise-peer-urls"].default;

/** What this member says of itself must be what the others were told. Left alone, the flag says nothing. */
function checkAdvertised(inCluster: readonly string[], advertised: readonly string[]): void {
  if (advertised.join() === defaultAdvertised.join()) return;
  const missing = inCluster.find((url) => !advertised.includes(url));
  if (missing !== undefined)
    throw new UsageError(
      `--initial-cluster has ${missing} but missing from --initial-advertise-peer-urls=${advertised.join(",")}`,
    );
  const unknown = advertised.find((url) => !inCluster.includes(url));
  if (unknown !== undefined)
    throw new UsageError(
      `--initial-advertise-peer-urls has ${unknown} but missing from --initial-cluster=${inCluster.join(",")}`,
    );
}

function isDefault(name: keyof typeof flags, value: unknown): boolean {
  const flag = flags[name];
  const standard = "default" in flag ? flag.default : undefined;
  if (Array.isArray(standard)) return String(value) === String(standard);
  return value === standard || (flag.type === "duration" && value === parseDuration(String(standard)));
}

function tlsFilesOf(values: FlagValues<typeof flags>): Pick<StoreConfig, "clientTls" | "peerTls"> {
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
  const crlFile = values["client-crl-file"] || undefined;
  if (crlFile && !clientTls?.caFile) throw new UsageError("--client-crl-file needs --trusted-ca-file");
  return { clientTls: clientTls && { ...clientTls, crlFile }, peerTls };
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
  return {
    certFile,
    keyFile,
    caFile: caFile || undefined,
    requireClientCertificate: caFile !== "",
    namesUsers: auth,
  };
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
