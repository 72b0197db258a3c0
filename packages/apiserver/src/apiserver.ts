// The assembly: makes every part of the apiserver and puts them together. Only wiring, in the order in which things start.
import { hostname } from "node:os";
import type { Clock, Random } from "@coxswain/clock";
import type { Component, Logger, MetricsRegistry } from "@coxswain/daemon";
import { sequence } from "@coxswain/daemon";
import { createEtcdClient } from "@coxswain/etcd-api";
import type { ClientTls } from "@coxswain/etcd-api";
import type { TokenVerifier } from "@coxswain/pki";
import type { ApiServerConfig } from "./config.ts";
import { admissionPlugins } from "./core/admission/order.ts";
import { readAuditPolicy, silence } from "./core/audit/policy.ts";
import type { AuditPolicy } from "./core/audit/policy.ts";
import { createAuthenticator } from "./core/authn/authenticator.ts";
import { jwksPath, openIdConfiguration, openIdConfigurationPath } from "./core/authn/issuer-discovery.ts";
import { headerStarts } from "./core/authn/request-header.ts";
import { parseTokenFile } from "./core/authn/static-tokens.ts";
import { tokenKeys } from "./core/authn/token-keys.ts";
import type { TokenKeys } from "./core/authn/token-keys.ts";
import { createAuthorizer } from "./core/authz/authorizer.ts";
import { bootstrapPolicy } from "./core/authz/bootstrap.ts";
import { createLiveDiscovery } from "./core/discovery/discovery.ts";
import { createIpAllocator, ipAddress } from "./core/registry/core/service/allocation/ip-allocator.ts";
import { ipAt } from "./core/registry/core/service/allocation/ip-range.ts";
import { createPortAllocator } from "./core/registry/core/service/allocation/port-allocator.ts";
import { createAllocationRepair } from "./core/registry/core/service/allocation/repair.ts";
import { createServiceAllocator } from "./core/registry/core/service/allocation/service-allocation.ts";
import { metricsKinds } from "./core/metrics-api/resources.ts";
import type { Kind } from "./core/registry/kind.ts";
import { createKinds } from "./core/registry/kind.ts";
import type { Storage } from "./core/storage.ts";
import { StorageError } from "./core/storage.ts";
import { reviews } from "./core/reviews/reviews.ts";
import { createCustomKinds } from "./core/custom/custom-kinds.ts";
import { createDocuments } from "./documents.ts";
import { createFlowControl } from "./flow-control.ts";
import { createHeapGauge } from "./io/heap-gauge.ts";
import { createMemoryBudget } from "./memory-budget.ts";
import type { MemoryLimits } from "./memory-budget.ts";
import { createDefinitions } from "./io/custom/definitions.ts";
import { createAuthenticationTrust } from "./io/bootstrap/authentication-trust.ts";
import type { AuthenticationTrust } from "./io/bootstrap/authentication-trust.ts";
import { createIdentityLease } from "./io/bootstrap/identity-lease.ts";
import { createKubernetesService } from "./io/bootstrap/kubernetes-service.ts";
import { createSystemObjects } from "./io/bootstrap/system-objects.ts";
import { createPolicyStatus } from "./io/admission/policy-status.ts";
import { createAggregation } from "./io/aggregation/aggregation.ts";
import { createAuditor } from "./io/audit/auditor.ts";
import { auditSinks } from "./io/audit/sinks.ts";
import { createComponentStatuses } from "./io/component-statuses.ts";
import { createFairness } from "./io/fairness/fairness.ts";
import { createFlowSchemas } from "./io/flow-schemas/flow-schemas.ts";
import type { AggregationPorts } from "./io/aggregation/aggregation.ts";
import { createApiHttpServer } from "./io/http/server.ts";
import { joinedTunnel } from "./io/http/tunnel.ts";
import type { AgentTls } from "./io/node-tunnel/agent.ts";
import { createMetricsApi } from "./io/metrics-api/metrics-api.ts";
import { createNodeTunnel } from "./io/node-tunnel/tunnel.ts";
import { createCompaction } from "./io/storage/compaction.ts";
import { createEtcdStorage } from "./io/storage/etcd-storage.ts";
import type { Feed } from "./io/storage/feed.ts";
import { startFeed } from "./io/storage/feed.ts";
import { measured } from "./io/storage/measured.ts";
import { createObjects } from "./io/storage/objects.ts";
import { periodically } from "./io/periodically.ts";
import { createHookClient } from "./io/webhook/client.ts";
import { createReloadedFiles } from "./io/reloaded-files.ts";
import type { ReloadedFiles } from "./io/reloaded-files.ts";
import { storageVersionHash } from "./io/storage-version-hash.ts";
import { metricTable } from "./metrics.ts";
import { findKind } from "./verbs/dispatch.ts";
import type { PipelineParts } from "./pipeline.ts";

export interface ApiServerPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: MetricsRegistry;
}

/** What all requests under way may hold; the caches stand beside it. */
const memoryLimits: MemoryLimits = { requestBytes: 512 * 1024 * 1024, heapShare: 0.85 };
/** How often service addresses and ports are compared with the services. */
const repairIntervalMs = 180_000;

export async function createApiServer(config: ApiServerConfig, ports: ApiServerPorts): Promise<Component> {
  const { clock, random, log } = ports;
  const reloaded = createReloadedFiles({ clock, log });
  const files = await readFiles(config, reloaded);
  const metrics = ports.metrics.create(metricTable);
  const aborter = new AbortController();
  const client = createEtcdClient({ endpoints: config.etcd.servers, tls: files.etcd, gathersWrites: true }, { clock });
  const storage = measured(createEtcdStorage(client, { clock }), { clock, metrics });
  const custom = createCustomKinds({ caller: { post: (...asked) => hooks.post(...asked) }, uuid: () => random.uuid() });
  const kinds = createKinds(custom);

  const feeds = new Map<string, Feed>();
  const feed = (kind: Kind): Feed => {
    let known = feeds.get(kind.prefix);
    if (!known) {
      const stored = kinds.stored(kind) ?? kind;
      feeds.set(
        kind.prefix,
        (known = startFeed(kind.prefix, stored.fields, { storage, clock, log, signal: aborter.signal })),
      );
    }
    return known;
  };
  const objects = createObjects({ kinds, storage, feed, clock, random });

  const { issuers, audiences, maxExpirationSeconds } = config.serviceAccounts;
  const authenticator = createAuthenticator(
    {
      anonymousAuth: config.anonymousAuth,
      audiences,
      staticTokens: files.tokens,
      bootstrapTokens: config.bootstrapTokens,
      requestHeader: config.requestHeader,
    },
    { keys: files.tokenKeys, reader: objects, clock },
  );
  const authorizer = createAuthorizer({ modes: config.authorizationModes }, { reader: objects });

  const ips = createIpAllocator(config.serviceRange, { writer: objects, random });
  const nodePorts = createPortAllocator(config.nodePortRange, { storage, random });
  const services = createServiceAllocator(
    { ipRange: config.serviceRange, portRange: config.nodePortRange },
    { ips, nodePorts },
  );
  const repair = createAllocationRepair(config.serviceRange, { writer: objects, nodePorts });
  const clusterIp = ipAt(config.serviceRange, 0);

  const verifier = (): TokenVerifier => {
    const { verifier: current } = files.tokenKeys();
    if (!current) throw new Error("the keys of tokens are gone");
    return current;
  };
  const externalHost = `${config.advertiseAddress}:${config.listen.port}`;
  const lookAtCaches = (): void => {
    for (const [prefix, { cache }] of feeds) {
      const resource = prefix.replace(/^\/registry\/|\/$/g, "");
      metrics.storageObjects.set(cache.size, { resource });
      metrics.watchCacheRevision.set(cache.revision, { resource });
    }
  };
  const hooks = createHookClient({ objects, clock });
  const withheld = config.requestHeader ? headerStarts(config.requestHeader) : [];
  const aggregation = createAggregation({ objects, custom, withheld, tls: files.aggregationTls, clock, log });
  const flowSchemas = createFlowSchemas({ objects, clock, log });
  const { isFair, reading, mutating } = config.limits;
  const fairness = isFair
    ? createFairness(reading + mutating, {
        flowSchemas,
        stored({ apiGroup, apiVersion, resource }) {
          const kind = kinds.find(apiGroup, apiVersion, resource);
          return kind && feeds.get(kind.prefix)?.cache.size;
        },
        clock,
        metrics,
        onError: (err) => log.warn({ err }, "seats could not be shared out; tried again soon"),
      })
    : undefined;
  const auditor =
    config.audit &&
    createAuditor(auditSinks(config.audit, { clock, random: ports.random, log, metrics }), {
      policy: files.auditPolicy,
      clock,
      log,
      metrics,
    });
  let started = false;
  const storeHealth = {
    name: "etcd",
    check: async () =>
      storage.revision().then(
        () => undefined,
        (error: unknown) => `the store does not answer: ${(error as Error).message}`,
      ),
  };
  const bootstrapHealth = { name: "poststarthook/bootstrap", check: () => (started ? undefined : "not finished") };
  const documents = createDocuments({
    discovery: createLiveDiscovery(
      () => ({
        all: [
          ...kinds.all,
          ...metricsKinds.filter((kind) => !aggregation.find(`/apis/${kind.group}/${kind.version}`)),
          ...custom.all,
          ...aggregation.offered,
        ],
        generation: custom.generation + aggregation.generation,
      }),
      externalHost,
      storageVersionHash,
    ),
    custom,
    descriptions: aggregation.descriptions,
    metrics: { ...ports.metrics, expose: () => (lookAtCaches(), fairness?.show(), ports.metrics.expose()) },
    clock,
    live: [{ name: "ping", check: () => undefined }, storeHealth],
    ready: [
      { name: "ping", check: () => undefined },
      storeHealth,
      { name: "informer-sync", check: () => (authorizer.synced() ? undefined : "policy is not read yet") },
      bootstrapHealth,
    ],
    flags: config.flags,
    log,
    others: new Map<string, () => object | Promise<object>>(
      files.tokenKeys().verifier
        ? [
            [openIdConfigurationPath, () => openIdConfiguration(issuers[0] ?? "", externalHost, verifier())],
            [jwksPath, () => verifier().jwks()],
          ]
        : [],
    ),
  });

  const metricsApi = createMetricsApi({ reader: objects, tls: files.agentTls, clock, log });

  const parts: PipelineParts = {
    kinds,
    storage,
    feed,
    startedFeed: (kind) => feeds.get(kind.prefix),
    admission: admissionPlugins(config.admission, { objects, authorizer, kinds, caller: hooks, clock, random, log }),
    services,
    reviews: reviews(
      { issuer: issuers[0] ?? "", audiences, maxExpirationSeconds },
      { authenticator, keys: files.tokenKeys, clock, random, authorizer },
    ),
    objects,
    clock,
    random,
    log,
    authenticator,
    authorizer,
    documents,
    aggregation,
    metricsApi,
    ...(auditor && { audit: auditor }),
    flow: fairness ?? createFlowControl(config.limits, metrics),
    flowSchemas,
    components: createComponentStatuses({
      clock,
      stores: config.etcd.servers,
      askStore: (endpoint) => client.maintenance.status({}, { endpoint }),
    }),
    memory: createMemoryBudget(memoryLimits, { heap: createHeapGauge(clock), metrics }),
  };
  const tunnel = joinedTunnel(aggregation, createNodeTunnel({ reader: objects, tls: files.agentTls }));

  const bootstrap: Component = {
    async start(signal) {
      await whenReachable(storage, { clock, log }, signal);
      await createSystemObjects(objects, config.serviceRange.text);
      await bootstrapPolicy(objects);
      await authorizer.whenSynced(signal);
    },
    ready: () => [],
    async stop() {
      aborter.abort(new DOMException("stopped", "AbortError"));
      client.close();
    },
  };
  const proxyCaFile = config.requestHeader?.caFile;
  const http = createApiHttpServer(
    { ...config.listen, ...config.tls, proxyCaFile },
    { parts, tunnel, clock, log, metrics },
  );
  const kubernetesService = createKubernetesService(
    { address: config.advertiseAddress, port: config.listen.port, clusterIp },
    {
      client,
      objects,
      clock,
      log,
      claimAddress: async (ip) =>
        void (await objects.createIfAbsent(
          { group: "networking.k8s.io", resource: "ipaddresses" },
          ipAddress(ip, { namespace: "default", name: "kubernetes" }),
        )),
    },
  );
  const maintenance = periodically(
    repairIntervalMs,
    clock,
    async () => {
      for (const sentence of await repair.run(clock.now()))
        log.warn({ finding: sentence }, "service addresses were repaired");
    },
    (err) => log.warn({ err }, "the repair of service addresses failed"),
  );

  const whole = sequence([
    bootstrap,
    createDefinitions(custom, { objects, clock, log }),
    flowSchemas,
    ...(fairness ? [fairness] : []),
    ...(auditor ? [auditor] : []),
    createAuthenticationTrust({ objects, trust: files.trust, clock, log }),
    http,
    kubernetesService,
    createIdentityLease({ hostname: hostname() }, { objects, clock, log }),
    maintenance,
    metricsApi,
    aggregation,
    hooks,
    createPolicyStatus({
      objects,
      findKind: (apiGroup, apiVersion, resource) => findKind(parts, { apiGroup, apiVersion, resource }),
      clock,
      log,
    }),
    reloaded.component,
    createCompaction(client, config.compactionIntervalMs, { clock, log }),
  ]);
  return {
    async start(signal) {
      await whole.start(signal);
      started = true;
    },
    ready: () => [...whole.ready(), ...(started ? [] : ["not started yet"])],
    stop: () => whole.stop(),
  };
}

/** Daemons start together: the store may be a moment behind, or away for longer. */
async function whenReachable(
  storage: Storage,
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
  signal: AbortSignal,
): Promise<void> {
  for (let waitMs = 100; ; waitMs = Math.min(waitMs * 2, 2000)) {
    try {
      await storage.revision();
      return;
    } catch (err) {
      if (!(err instanceof StorageError)) throw err;
      log.warn({ err: err.message, waitMs }, "waiting for the store");
      await clock.sleep(waitMs, signal);
    }
  }
}

/** All of these are read again when their files change. */
interface Files {
  readonly etcd: () => ClientTls | undefined;
  readonly tokenKeys: () => TokenKeys;
  readonly agentTls: () => AgentTls;
  readonly aggregationTls: AggregationPorts["tls"];
  readonly tokens: () => ReturnType<typeof parseTokenFile>;
  readonly trust: () => AuthenticationTrust;
  readonly auditPolicy: () => AuditPolicy;
}

async function readFiles(config: ApiServerConfig, { load }: ReloadedFiles): Promise<Files> {
  const { etcd, serviceAccounts, tokenFile, agents, aggregation } = config;
  const [storeTls, readTokenKeys, agentTls, tokens, aggregationTls, trust, auditPolicy] = await Promise.all([
    load([etcd.caFile, etcd.certFile, etcd.keyFile], ([ca, cert, key]) =>
      ca === undefined && cert === undefined ? undefined : { ca, cert, key },
    ),
    load([serviceAccounts.signingKeyFile, ...serviceAccounts.keyFiles], ([signing, ...others]) =>
      tokenKeys(
        serviceAccounts.issuers,
        others.filter((pem) => pem !== undefined),
        signing,
      ),
    ),
    load([agents.certFile, agents.keyFile, agents.caFile], ([cert, key, ca]) => ({ cert, key, ca })),
    load([tokenFile], ([text]) => (text === undefined ? [] : parseTokenFile(text))),
    load([aggregation.certFile, aggregation.keyFile], ([cert, key]) => ({ cert, key })),
    load([config.tls.clientCaFile, config.requestHeader?.caFile], ([clientCa, ca]) => ({
      clientCa,
      requestHeader: config.requestHeader && ca !== undefined ? { ...config.requestHeader, ca } : undefined,
    })),
    load([config.audit?.policyFile], ([text]) => (text === undefined ? silence : readAuditPolicy(text))),
  ]);
  return { etcd: storeTls, tokenKeys: readTokenKeys, agentTls, tokens, aggregationTls, trust, auditPolicy };
}
