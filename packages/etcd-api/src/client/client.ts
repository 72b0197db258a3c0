// The typed client of an etcd v3 endpoint, ours or the real one: every unary method of every service, watches on one
// stream, leases kept alive. It retries nothing that may have had an effect (see `balancer.ts`).
import { frame } from "../grpc/framing.ts";
import { GrpcError, statusCodes } from "../grpc/status.ts";
import type { Timers } from "../grpc/timers.ts";
import { leaseKeepAliveRequest, leaseKeepAliveResponse } from "../messages/lease.ts";
import type { LeaseKeepAliveResponse } from "../messages/lease.ts";
import { snapshotRequest, snapshotResponse } from "../messages/maintenance.ts";
import type { SnapshotResponse } from "../messages/maintenance.ts";
import {
  authService,
  clusterService,
  healthService,
  kvService,
  leaseService,
  maintenanceService,
  methodPath,
} from "../services.ts";
import type { Method } from "../services.ts";
import { decode } from "../wire/message.ts";
import type { Init, Message } from "../wire/message.ts";
import { createBalancer } from "./balancer.ts";
import type { Balancer } from "./balancer.ts";
import { createChannel } from "./channel.ts";
import type { CallOptions, Channel, ClientTls } from "./channel.ts";
import { createWatcher } from "./watcher.ts";
import type { Watcher } from "./watcher.ts";

export interface EtcdClientConfig {
  /** "https://10.0.0.1:2379" or "http://…"; tried in order, starting with the one that worked last; the first is gone back to when it can. */
  readonly endpoints: readonly string[];
  /** As a function, it is asked at each new connection: certificates can be replaced while the client lives. */
  readonly tls?: ClientTls | (() => ClientTls | undefined) | undefined;
  /** Deadline of a unary call that names none. Default 10 s. */
  readonly timeoutMs?: number;
  /** Default 5 s. */
  readonly connectTimeoutMs?: number;
  /** Default 10 s. */
  readonly pingIntervalMs?: number;
  /** Larger answers are refused. Default 2 GiB - 1, as etcd's client. */
  readonly maxResponseBytes?: number;
  /** For fewer writes rather than early ones, where many calls are under way: they leave when all that has come in is looked at. Default false. */
  readonly gathersWrites?: boolean;
}

/** Options of a call; `endpoint` pins it to one of the configured ones. */
export type RequestOptions = CallOptions & { readonly endpoint?: string | undefined };

/** A service's unary methods as functions. */
export type UnaryClient<M> = {
  readonly [K in keyof M as M[K] extends Method<infer _Q, infer _R, "unary"> ? K : never]: M[K] extends Method<
    infer Q,
    infer R,
    "unary"
  >
    ? (request: Init<Q>, options?: RequestOptions) => Promise<R>
    : never;
};

export interface EtcdClient {
  readonly kv: UnaryClient<typeof kvService.methods>;
  readonly lease: UnaryClient<typeof leaseService.methods>;
  readonly cluster: UnaryClient<typeof clusterService.methods>;
  readonly maintenance: UnaryClient<typeof maintenanceService.methods>;
  readonly auth: UnaryClient<typeof authService.methods>;
  readonly health: UnaryClient<typeof healthService.methods>;
  /** Batches of events until the signal aborts or the reader leaves its loop. Throws CompactedError. */
  readonly watch: Watcher["watch"];
  readonly requestProgress: Watcher["requestProgress"];
  /** Renews a lease at a third of its time to live; yields each answer, ends with an error when the lease is gone. */
  keepAlive(id: bigint, options?: { readonly signal?: AbortSignal }): AsyncIterable<LeaseKeepAliveResponse>;
  /** A snapshot of an endpoint's database, in pieces. */
  snapshot(options?: RequestOptions): AsyncIterable<SnapshotResponse>;
  close(): void;
}

/** Opens no connection before the first call. */
export function createEtcdClient(config: EtcdClientConfig, ports: { readonly clock: Timers }): EtcdClient {
  const timers = ports.clock;
  const { tls } = config;
  const currentTls = typeof tls === "function" ? tls : () => tls;
  const channels = config.endpoints.map((endpoint) =>
    createChannel(
      {
        endpoint,
        tls: currentTls,
        maxResponseBytes: config.maxResponseBytes ?? 2 ** 31 - 1,
        gathersWrites: config.gathersWrites ?? false,
        connectTimeoutMs: config.connectTimeoutMs ?? 5000,
        pingIntervalMs: config.pingIntervalMs ?? 10_000,
        quick: config.endpoints.length > 1,
      },
      timers,
    ),
  );
  if (channels.length === 0) throw new Error("an etcd client needs at least one endpoint, found none");
  const balancer = createBalancer(channels, { timers, probe: canServe });
  const watcher = createWatcher(balancer, timers);
  const timeoutMs = config.timeoutMs ?? 10_000;
  return {
    kv: unaryClient(kvService, balancer, timeoutMs),
    lease: unaryClient(leaseService, balancer, timeoutMs),
    cluster: unaryClient(clusterService, balancer, timeoutMs),
    maintenance: unaryClient(maintenanceService, balancer, timeoutMs),
    auth: unaryClient(authService, balancer, timeoutMs),
    health: unaryClient(healthService, balancer, timeoutMs),
    watch: watcher.watch,
    requestProgress: watcher.requestProgress,
    keepAlive: (id, options = {}) => keepAlive(balancer, timers, id, options.signal),
    snapshot: (options = {}) => snapshot(balancer, options),
    close() {
      watcher.close();
      balancer.close();
    },
  };
}

/** A linearizable read: a member that has no leader, or only learns, does not answer it. */
function canServe(channel: Channel): Promise<unknown> {
  const question = frame(kvService.methods.range.request, { key: Buffer.from("health"), limit: 1, countOnly: true });
  return channel.unary(methodPath(kvService, "range"), question, { timeoutMs: 2000 });
}

const readingMethods = new Set([
  "range",
  "leaseTimeToLive",
  "leaseLeases",
  "memberList",
  "status",
  "hash",
  "hashKV",
  "check",
]);

function unaryClient<M extends object>(
  service: { readonly name: string; readonly methods: M },
  balancer: Balancer,
  defaultTimeoutMs: number,
): UnaryClient<M> {
  const client: Record<string, unknown> = {};
  for (const [name, method] of Object.entries(service.methods) as [
    string,
    { streaming: string; request: Message<unknown>; response: Message<unknown> },
  ][]) {
    if (method.streaming !== "unary") continue;
    const path = methodPath(service, name);
    const reads = readingMethods.has(name);
    client[name] = async (request: Init<unknown>, options: RequestOptions = {}): Promise<unknown> => {
      const call = options.timeoutMs === undefined ? { ...options, timeoutMs: defaultTimeoutMs } : options;
      return decode(method.response, await balancer.unary(path, frame(method.request, request), reads, call));
    };
  }
  return client as UnaryClient<M>;
}

async function* keepAlive(
  balancer: Balancer,
  timers: Timers,
  id: bigint,
  signal: AbortSignal | undefined,
): AsyncGenerator<LeaseKeepAliveResponse> {
  const stream = await balancer.stream("/etcdserverpb.Lease/LeaseKeepAlive", { signal });
  let timer: { cancel(): void } | undefined;
  const renew = (): void => stream.send(frame(leaseKeepAliveRequest, { id }));
  try {
    renew();
    for await (const bytes of stream.messages) {
      const response = decode(leaseKeepAliveResponse, bytes);
      if (response.ttl <= 0) throw new GrpcError(statusCodes.notFound, "etcdserver: requested lease not found");
      timer?.cancel();
      timer = timers.setTimeout(renew, (response.ttl * 1000) / 3);
      yield response;
    }
  } finally {
    timer?.cancel();
    stream.cancel();
  }
}

async function* snapshot(balancer: Balancer, options: RequestOptions): AsyncGenerator<SnapshotResponse> {
  const stream = await balancer.stream("/etcdserverpb.Maintenance/Snapshot", options);
  stream.send(frame(snapshotRequest, {}));
  stream.end();
  for await (const bytes of stream.messages) yield decode(snapshotResponse, bytes);
}
