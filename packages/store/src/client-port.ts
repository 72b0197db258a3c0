// What clients touch: gRPC, the JSON gateway, health and metrics, on the URLs of the flags, with certificates that may change. Only
// wiring; what is served is in io/rpc and io/gateway.
import { StartError, listenFailure } from "@coxswain/daemon";
import type { GrpcServer, GrpcServerOptions } from "@coxswain/etcd-api";
import type { Certificates } from "./certificates.ts";
import type { StoreConfig } from "./config.ts";
import { createGrpcObserver } from "./grpc-metrics.ts";
import { createGateway } from "./io/gateway/gateway.ts";
import { createHttpHandler } from "./io/http.ts";
import { countCalls } from "./io/rpc/counting.ts";
import type { Stopwatch } from "./io/rpc/counting.ts";
import type { Served } from "./io/rpc/ports.ts";
import { services } from "./io/rpc/services.ts";
import type { StoreMetrics } from "./metrics.ts";
import type { StorePorts } from "./system-ports.ts";

/** gRPC's own overhead on top of the largest request, as etcd allows it. */
const overheadBytes = 512 * 1024;

export interface ClientPort {
  /** Resolves when all URLs are listened on; throws `StartError` for one that cannot be. */
  listen(): Promise<void>;
  close(graceMs: number): Promise<void>;
}

export function createClientPort(
  config: StoreConfig,
  served: Served,
  metrics: StoreMetrics,
  /** Brings the gauges up to date. */
  observe: () => Promise<void>,
  certificates: Certificates | undefined,
  ports: StorePorts,
): ClientPort {
  const servers: GrpcServer[] = [];
  const watch: Stopwatch = {
    nowMs: () => ports.clock.monotonic(),
    took: ({ service, method, type }, durationMs) =>
      metrics.grpcHandling.observe(durationMs / 1000, {
        grpc_method: method,
        grpc_service: service,
        grpc_type: type,
      }),
  };
  const { services: counted, counts } = countCalls(services(served), config.extensiveMetrics ? watch : undefined);
  const observeCalls = createGrpcObserver(counts, metrics);
  const shown = { receivedBytes: 0, sentBytes: 0 };
  const observeBytes = (): void => {
    const all = servers.map((server) => server.traffic());
    const receivedBytes = all.reduce((sum, traffic) => sum + traffic.receivedBytes, 0);
    const sentBytes = all.reduce((sum, traffic) => sum + traffic.sentBytes, 0);
    metrics.clientReceived.inc({}, receivedBytes - shown.receivedBytes);
    metrics.clientSent.inc({}, sentBytes - shown.sentBytes);
    Object.assign(shown, { receivedBytes, sentBytes });
  };
  const onBug = (path: string, err: unknown): void => ports.log.error({ err, path }, "a request failed");
  const maxRequestBytes = config.maxRequestBytes + overheadBytes;
  const web = (gateway: boolean): GrpcServerOptions["http"] =>
    createHttpHandler({
      served,
      gateway: gateway ? createGateway({ services: counted, maxRequestBytes, onBug }) : undefined,
      metrics: ports.metrics,
      observe: () => {
        observeCalls();
        observeBytes();
        return observe();
      },
      healthAsked: (healthy) => (healthy ? metrics.healthSuccess : metrics.healthFailures).inc(),
      cors: config.cors,
      log: ports.log,
    });
  const open = async (
    url: URL,
    serves: { readonly services: GrpcServerOptions["services"]; readonly http: GrpcServerOptions["http"] },
  ): Promise<void> => {
    const { http } = serves;
    const secure = url.protocol === "https:" ? certificates : undefined;
    const server = ports.createServer({
      services: serves.services,
      maxRequestBytes,
      onBug,
      ...(http ? { http } : {}),
      ...(secure ? { tls: listenerTls(secure, config) } : {}),
    });
    servers.push(server);
    secure?.onChange(() => server.reload(listenerTls(secure, config)));
    const host = url.hostname.replace(/^\[|\]$/g, "");
    await server.listen({ host, port: Number(url.port) }).catch((error: unknown) => {
      throw new StartError(listenFailure(error as NodeJS.ErrnoException, host, Number(url.port)), { cause: error });
    });
  };
  return {
    async listen() {
      const all = web(config.gateway);
      const apart = config.listenHttpUrls.length > 0;
      for (const url of config.listenClientUrls) await open(url, { services: counted, http: apart ? undefined : all });
      for (const url of config.listenHttpUrls) await open(url, { services: [], http: all });
      for (const url of config.listenMetricsUrls) await open(url, { services: [], http: web(false) });
    },
    async close(graceMs) {
      await Promise.all(servers.splice(0).map((server) => server.close(graceMs)));
    },
  };
}

function listenerTls(certificates: Certificates, config: StoreConfig) {
  const { cert, key, ca, crl, requireClientCertificate } = certificates;
  return {
    cert,
    key,
    ...(ca ? { ca } : {}),
    ...(crl ? { crl } : {}),
    requestCert: requireClientCertificate,
    rejectUnauthorized: requireClientCertificate,
    ...config.tlsLimits,
  };
}
