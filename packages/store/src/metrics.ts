// Every metric of the store, under etcd's names where etcd has it.
import { defineMetrics } from "@coxswain/daemon";
import type { Metrics } from "@coxswain/daemon";

const seconds = Array.from({ length: 14 }, (_, power) => 0.001 * 2 ** power);
/** Of what is done with the whole keyspace: 10 ms to 80 s. */
const longSeconds = Array.from({ length: 14 }, (_, power) => 0.01 * 2 ** power);

export const metricTable = defineMetrics({
  hasLeader: {
    kind: "gauge",
    name: "etcd_server_has_leader",
    help: "Whether or not a leader exists. 1 is existence, 0 is not.",
  },
  isLeader: {
    kind: "gauge",
    name: "etcd_server_is_leader",
    help: "Whether or not this member is a leader. 1 if is, 0 otherwise.",
  },
  isLearner: {
    kind: "gauge",
    name: "etcd_server_is_learner",
    help: "Whether or not this member is a learner. 1 if is, 0 otherwise.",
  },
  leaderChanges: {
    kind: "counter",
    name: "etcd_server_leader_changes_seen_total",
    help: "The number of leader changes seen.",
  },
  committed: {
    kind: "gauge",
    name: "etcd_server_proposals_committed_total",
    help: "The total number of consensus proposals committed.",
  },
  applied: {
    kind: "gauge",
    name: "etcd_server_proposals_applied_total",
    help: "The total number of consensus proposals applied.",
  },
  pending: {
    kind: "gauge",
    name: "etcd_server_proposals_pending",
    help: "The current number of pending proposals to commit.",
  },
  failed: {
    kind: "counter",
    name: "etcd_server_proposals_failed_total",
    help: "The total number of failed proposals seen.",
  },
  backendCommit: {
    kind: "histogram",
    name: "etcd_disk_backend_commit_duration_seconds",
    help: "The latency of a batch's way to the backend.",
    buckets: seconds,
  },
  peerSent: {
    kind: "counter",
    name: "etcd_network_peer_sent_bytes_total",
    help: "The total number of bytes sent to peers.",
    labels: ["To"],
  },
  peerReceived: {
    kind: "counter",
    name: "etcd_network_peer_received_bytes_total",
    help: "The total number of bytes received from peers.",
    labels: ["From"],
  },
  peerSendFailures: {
    kind: "counter",
    name: "etcd_network_peer_sent_failures_total",
    help: "The total number of send failures from peers.",
    labels: ["To"],
  },
  activePeers: {
    kind: "gauge",
    name: "etcd_network_active_peers",
    help: "The current number of active peer connections.",
    labels: ["Local", "Remote"],
  },
  puts: { kind: "counter", name: "etcd_mvcc_put_total", help: "Total number of puts applied by this member." },
  deletes: {
    kind: "counter",
    name: "etcd_mvcc_delete_total",
    help: "Total number of deletes applied by this member.",
  },
  txns: { kind: "counter", name: "etcd_mvcc_txn_total", help: "Total number of txns applied by this member." },
  ranges: { kind: "counter", name: "etcd_mvcc_range_total", help: "Total number of ranges asked of this member." },
  debuggingPuts: {
    kind: "counter",
    name: "etcd_debugging_mvcc_put_total",
    help: "Total number of puts applied by this member, under the name of etcd 3.4 and before.",
  },
  debuggingDeletes: {
    kind: "counter",
    name: "etcd_debugging_mvcc_delete_total",
    help: "Total number of deletes applied by this member, under the name of etcd 3.4 and before.",
  },
  debuggingTxns: {
    kind: "counter",
    name: "etcd_debugging_mvcc_txn_total",
    help: "Total number of txns applied by this member, under the name of etcd 3.4 and before.",
  },
  debuggingRanges: {
    kind: "counter",
    name: "etcd_debugging_mvcc_range_total",
    help: "Total number of ranges asked of this member, under the name of etcd 3.4 and before.",
  },
  debuggingDbSize: {
    kind: "gauge",
    name: "etcd_debugging_mvcc_db_total_size_in_bytes",
    help: "Total size of the backend, about, in bytes, under the name of etcd 3.3 and before.",
  },
  watchStreams: {
    kind: "gauge",
    name: "etcd_debugging_mvcc_watch_stream_total",
    help: "Total number of watch streams.",
  },
  leasesRenewed: {
    kind: "counter",
    name: "etcd_debugging_lease_renewed_total",
    help: "The number of renewals that clients asked of this member.",
  },
  leasesExpired: {
    kind: "counter",
    name: "etcd_debugging_server_lease_expired_total",
    help: "The total number of leases that ran out while this member led.",
  },
  learnerPromoteSuccesses: {
    kind: "counter",
    name: "etcd_server_learner_promote_successes",
    help: "The total number of successful learner promotions asked of this member.",
  },
  learnerPromoteFailures: {
    kind: "counter",
    name: "etcd_server_learner_promote_failures",
    help: "The total number of failed learner promotions asked of this member.",
  },
  slowApplies: {
    kind: "counter",
    name: "etcd_server_slow_apply_total",
    help: "The total number of entries that took longer than 100 ms to apply.",
  },
  readIndexesFailed: {
    kind: "counter",
    name: "etcd_server_read_indexes_failed_total",
    help: "The total number of linearizable reads that could not be confirmed.",
  },
  slowReadIndexes: {
    kind: "counter",
    name: "etcd_server_slow_read_indexes_total",
    help: "The total number of linearizable reads whose confirmation took longer than a second.",
  },
  installing: {
    kind: "gauge",
    name: "etcd_server_snapshot_apply_in_progress_total",
    help: "1 if a snapshot from another member is being installed, 0 if not.",
  },
  backendSnapshot: {
    kind: "histogram",
    name: "etcd_disk_backend_snapshot_duration_seconds",
    help: "The time from a client's wish for a snapshot to its first page.",
    buckets: longSeconds,
  },
  backendDefrag: {
    kind: "histogram",
    name: "etcd_disk_backend_defrag_duration_seconds",
    help: "The time that a defragmentation took.",
    buckets: longSeconds,
  },
  hashOfRevision: {
    kind: "histogram",
    name: "etcd_mvcc_hash_rev_duration_seconds",
    help: "The time that the keyspace's hash as of a revision took.",
    buckets: longSeconds,
  },
  peerRoundTrip: {
    kind: "histogram",
    name: "etcd_network_peer_round_trip_time_seconds",
    help: "Round trip of a heartbeat and its answer, as the leader sees it.",
    labels: ["To"],
    buckets: Array.from({ length: 16 }, (_, power) => 0.0001 * 2 ** power),
  },
  clientReceived: {
    kind: "counter",
    name: "etcd_network_client_grpc_received_bytes_total",
    help: "The total number of bytes received from clients, framing included.",
  },
  clientSent: {
    kind: "counter",
    name: "etcd_network_client_grpc_sent_bytes_total",
    help: "The total number of bytes sent to clients, framing included.",
  },
  leasesGranted: {
    kind: "counter",
    name: "etcd_debugging_lease_granted_total",
    help: "The total number of granted leases.",
  },
  leasesRevoked: {
    kind: "counter",
    name: "etcd_debugging_lease_revoked_total",
    help: "The total number of revoked leases.",
  },
  clusterVersion: {
    kind: "gauge",
    name: "etcd_cluster_version",
    help: "Which version is running. 1 for 'cluster_version' label with current cluster version",
    labels: ["cluster_version"],
  },
  walFsync: {
    kind: "histogram",
    name: "etcd_disk_wal_fsync_duration_seconds",
    help: "The latency of a batch's write and fsync.",
    buckets: seconds,
  },
  dbSize: {
    kind: "gauge",
    name: "etcd_mvcc_db_total_size_in_bytes",
    help: "Total size of the backend, about, in bytes.",
  },
  dbInUse: {
    kind: "gauge",
    name: "etcd_mvcc_db_total_size_in_use_in_bytes",
    help: "Size of the backend that is in use, about, in bytes.",
  },
  quota: {
    kind: "gauge",
    name: "etcd_server_quota_backend_bytes",
    help: "Current backend storage quota size in bytes.",
  },
  keys: { kind: "gauge", name: "etcd_debugging_mvcc_keys_total", help: "Total number of keys." },
  watchers: { kind: "gauge", name: "etcd_debugging_mvcc_watcher_total", help: "Total number of watchers." },
  slowWatchers: {
    kind: "gauge",
    name: "etcd_debugging_mvcc_slow_watcher_total",
    help: "Total number of unsynced slow watchers.",
  },
  revision: { kind: "gauge", name: "etcd_debugging_mvcc_current_revision", help: "The current revision of store." },
  compactRevision: {
    kind: "gauge",
    name: "etcd_debugging_mvcc_compact_revision",
    help: "The revision of the last compaction in store.",
  },
  version: {
    kind: "gauge",
    name: "etcd_server_version",
    help: "Which version is running. 1 for 'server_version' label with current version.",
    labels: ["server_version"],
  },
  id: {
    kind: "gauge",
    name: "etcd_server_id",
    help: "Server or member ID in hexadecimal format. 1 for 'server_id' label with current ID.",
    labels: ["server_id"],
  },
  authRevision: {
    kind: "gauge",
    name: "etcd_debugging_auth_revision",
    help: "The current revision of auth store.",
  },
  healthSuccess: {
    kind: "counter",
    name: "etcd_server_health_success",
    help: "The total number of successful health checks",
  },
  healthFailures: {
    kind: "counter",
    name: "etcd_server_health_failures",
    help: "The total number of failed health checks",
  },
  grpcStarted: {
    kind: "counter",
    name: "grpc_server_started_total",
    help: "Total number of RPCs started on the server.",
    labels: ["grpc_method", "grpc_service", "grpc_type"],
  },
  grpcHandled: {
    kind: "counter",
    name: "grpc_server_handled_total",
    help: "Total number of RPCs completed on the server, regardless of success or failure.",
    labels: ["grpc_code", "grpc_method", "grpc_service", "grpc_type"],
  },
  grpcHandling: {
    kind: "histogram",
    name: "grpc_server_handling_seconds",
    help: "Histogram of response latency (seconds) of gRPC that had been application-level handled by the server.",
    labels: ["grpc_method", "grpc_service", "grpc_type"],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  },
  grpcReceived: {
    kind: "counter",
    name: "grpc_server_msg_received_total",
    help: "Total number of RPC stream messages received on the server.",
    labels: ["grpc_method", "grpc_service", "grpc_type"],
  },
  grpcSent: {
    kind: "counter",
    name: "grpc_server_msg_sent_total",
    help: "Total number of gRPC stream messages sent by the server.",
    labels: ["grpc_method", "grpc_service", "grpc_type"],
  },
});

export type StoreMetrics = Metrics<typeof metricTable>;
