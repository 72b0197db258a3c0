// Every flag of the store, under etcd's own names and with its defaults; each is also an environment variable (`ETCD_DATA_DIR`) and a
// name in a configuration file. What they mean together is in config.ts.
import { defineFlags } from "@coxswain/daemon";

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
  "trusted-ca-file": { type: "string", default: "", help: "Authority that clients must have a certificate of" },
  "client-cert-auth": {
    type: "boolean",
    default: false,
    help: "Take the name in a client's certificate for a user's (needs --trusted-ca-file)",
  },
  "peer-cert-file": { type: "string", default: "", help: "Certificate of the peer port" },
  "peer-key-file": { type: "string", default: "", help: "Key of the peer port" },
  "peer-trusted-ca-file": {
    type: "string",
    default: "",
    help: "Authority that peers must have a certificate of",
  },
  "peer-client-cert-auth": {
    type: "boolean",
    default: false,
    help: "As --peer-trusted-ca-file does (and needs it)",
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
  "force-new-cluster": {
    type: "boolean",
    default: false,
    help: "Go on alone with this member's data: all other members are removed (see also: recover)",
  },
  "experimental-initial-corrupt-check": {
    type: "boolean",
    default: false,
    help: "Compare the data with the other members' before serving",
  },
  "experimental-corrupt-check-time": {
    type: "duration",
    default: "0s",
    help: "How often the leader compares all members' data; 0: never",
  },
  "corrupt-check-time": { type: "duration", help: "The newer name of --experimental-corrupt-check-time" },
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
  "config-file": {
    type: "string",
    default: "",
    help: "YAML file to take all flags from; nothing else is then looked at",
  },
  "listen-client-http-urls": {
    type: "list",
    default: [],
    help: "URLs to serve only HTTP on (gateway, health, metrics); those of --listen-client-urls then serve only gRPC",
  },
  metrics: { type: "string", default: "basic", help: '"basic", or "extensive": also how long calls take' },
  "listen-metrics-urls": { type: "list", default: [], help: "More URLs for /metrics, /health, /livez and /readyz" },
  "client-crl-file": { type: "string", default: "", help: "Revoked client certificates" },
  "cipher-suites": { type: "list", default: [], help: "Cipher suites of TLS 1.2, by Go's names (default: Node's)" },
  "tls-min-version": { type: "string", default: "TLS1.2", help: "Oldest TLS: TLS1.2 or TLS1.3" },
  "tls-max-version": { type: "string", default: "", help: "Newest TLS: TLS1.2, TLS1.3 or, empty, the newest there is" },
  "enable-v2": { type: "boolean", default: false, help: "The v2 API: not served" },
  "feature-gates": {
    type: "string",
    default: "",
    help: "Features to switch, as name=true,…: InitialCorruptCheck; etcd's others change nothing here",
  },
  "host-whitelist": { type: "list", default: ["*"], help: "Only * is supported" },

  // What others need and this store does without. Given a value, they are named in a warning at the start.
  "max-snapshots": { type: "number", default: 5, help: unused("snapshots are no files of their own") },
  "max-wals": { type: "number", default: 5, help: unused("the log is released by checkpoints") },
  "backend-batch-interval": { type: "string", default: "", help: unused("batches follow the load") },
  "backend-batch-limit": { type: "number", default: 0, help: unused("batches follow the load") },
  "backend-bbolt-freelist-type": { type: "string", default: "map", help: unused("there is no bbolt") },
  "experimental-backend-bbolt-freelist-type": { type: "string", default: "map", help: unused("there is no bbolt") },
  "initial-election-tick-advance": { type: "boolean", default: true, help: unused("a fresh member waits its turn") },
  "pre-vote": { type: "boolean", default: true, help: unused("votes are always asked for beforehand") },
  "strict-reconfig-check": { type: "boolean", default: true, help: unused("the check is always made") },
  "enable-pprof": { type: "boolean", default: false, help: unused("there is no Go profile") },
  "max-concurrent-streams": { type: "number", default: 4_294_967_295, help: unused("streams are not limited") },
  "grpc-keepalive-min-time": { type: "duration", default: "5s", help: unused("pings are always answered") },
  "grpc-keepalive-interval": { type: "duration", default: "2h", help: unused("TCP tells of dead clients") },
  "grpc-keepalive-timeout": { type: "duration", default: "20s", help: unused("TCP tells of dead clients") },
  "compaction-batch-limit": { type: "number", default: 1000, help: unused("a sweep makes way for requests") },
  "experimental-compaction-batch-limit": { type: "number", default: 1000, help: unused("as above") },
  "experimental-enable-lease-checkpoint": { type: "boolean", default: true, help: unused("leases are checkpointed") },
  "warning-apply-duration": { type: "duration", default: "100ms", help: unused("see the metrics") },
  "experimental-warning-apply-duration": { type: "duration", default: "100ms", help: unused("see the metrics") },
  "socket-reuse-port": { type: "boolean", default: false, help: unused("a port has one owner") },
  "socket-reuse-address": { type: "boolean", default: false, help: unused("always on") },
  "log-outputs": { type: "list", default: ["default"], help: unused("logs are JSON on stderr") },
  logger: { type: "string", default: "zap", help: unused("logs are JSON on stderr") },
});

function unused(why: string): string {
  return `Taken for etcd's sake; ${why}`;
}

/** Flags that are taken and change nothing. */
export const unusedFlags: readonly (keyof typeof flags)[] = Object.entries(flags).flatMap(([name, { help }]) =>
  help.startsWith(unused("")) ? [name as keyof typeof flags] : [],
);
