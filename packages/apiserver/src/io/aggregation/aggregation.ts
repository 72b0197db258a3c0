// Groups that other servers answer for: an APIService with a service behind it. Requests for the group go on to that server with the name of
// whoever asks; whether it answers is looked at again and again, said in the APIService's status, and its resources are told in discovery.
// What it says of its group in OpenAPI is told in ours (`descriptions.ts`).
import { resources } from "@coxswain/api";
import type { ResourceInfo } from "@coxswain/api";
import type { APIService } from "@coxswain/api/apiregistration/v1";
import { jsonEqual, StatusError } from "@coxswain/apimachinery";
import { rfc3339 } from "@coxswain/clock";
import type { Clock, Timer } from "@coxswain/clock";
import type { Component, Logger } from "@coxswain/daemon";
import type { Availability, RemoteService } from "../../core/aggregation/api-services.ts";
import {
  apiServiceResource,
  available,
  customServices,
  identityHeaders,
  isApiService,
  isOfDefinition,
  isRemote,
  isServedBy,
  offeredBy,
  ownServices,
  serviceNameOf,
  withAvailability,
} from "../../core/aggregation/api-services.ts";
import type { Offered } from "../../core/discovery/discovery.ts";
import { definitionResource, isDefinition } from "../../core/custom/custom-kinds.ts";
import type { CustomKinds } from "../../core/custom/custom-kinds.ts";
import type { ObjectView, ObjectWriter } from "../../core/request.ts";
import type { Tunnel, TunnelRequest } from "../http/tunnel.ts";
import { forwardWhole } from "../node-tunnel/forward.ts";
import type { Target } from "../node-tunnel/forward.ts";
import { serviceTarget } from "../node-tunnel/proxy-target.ts";
import { passUpgrade } from "../node-tunnel/upgrade.ts";
import type { Descriptions } from "./descriptions.ts";
import { createDescriptions } from "./descriptions.ts";
import { readJson } from "./read-json.ts";

export interface Aggregation extends Component, Tunnel {
  /** The APIService of another server that a path belongs to. */
  find(path: string): RemoteService | undefined;
  /** What other servers offer, and a number that rises with every change of it. */
  readonly offered: readonly Offered[];
  readonly generation: number;
  /** What they say of it in OpenAPI. */
  readonly descriptions: Descriptions;
}

export interface AggregationPorts {
  readonly objects: ObjectWriter;
  /** Kinds that definitions have brought. */
  readonly custom: Pick<CustomKinds, "all">;
  /** How headers begin by which those servers believe us who asks, in lower case: a client must not send them along. */
  readonly withheld: readonly string[];
  /** What to show to other servers. */
  readonly tls: () => { readonly cert: string | Buffer | undefined; readonly key: string | Buffer | undefined };
  readonly clock: Clock;
  readonly log: Logger;
}

const checkEveryMs = 30_000;
/** While one of them does not answer. */
const checkAgainMs = 3000;
const checkTimeoutMs = 5000;
const longestListBytes = 4 * 1024 * 1024;

export function createAggregation({ objects, custom, withheld, tls, clock, log }: AggregationPorts): Aggregation {
  const aborter = new AbortController();
  const known = new Map<string, readonly ResourceInfo[]>();
  const reading = { signal: aborter.signal, clock, timeoutMs: checkTimeoutMs, longestBytes: longestListBytes };
  const descriptions = createDescriptions(reading, (service, err) =>
    log.debug({ err, service }, "a server's OpenAPI could not be read; what it said before holds"),
  );
  let offered: readonly Offered[] = [];
  let generation = 0;
  let registered = false;
  let timer: Timer | undefined;
  let unsubscribe: readonly (() => void)[] = [];
  let checking: Promise<void> = Promise.resolve();
  let services: ObjectView | undefined;
  const view = (): ObjectView => (services ??= objects.view(apiServiceResource));

  const targetOf = ({ spec }: RemoteService, path: string, headers: Target["headers"] = {}): Target => {
    const { namespace = "", name = "", port = 443 } = spec.service;
    const { host, port: number } = serviceTarget(objects, namespace, `https:${name}:${port}`, path);
    const ca = spec.caBundle ? Buffer.from(spec.caBundle, "base64") : undefined;
    return {
      host,
      port: number,
      path,
      tls: { ...tls(), ca },
      ...(spec.insecureSkipTLSVerify !== true && { servername: `${name}.${namespace}.svc` }),
      headers,
      withheld,
      isWhole: true,
    };
  };

  const check = async (service: RemoteService): Promise<Availability> => {
    const { group = "", version = "", service: behind } = service.spec;
    const { namespace = "", name = "", port = 443 } = behind;
    const no = (reason: string, message: string): Availability => ({ status: "False", reason, message });
    const found = await objects.read({ group: "", resource: "services" }, namespace, name);
    if (!found) return no("ServiceNotFound", `service/${name} in ${JSON.stringify(namespace)} is not present`);
    await objects.view({ group: "", resource: "services" }).whenSynced(aborter.signal);
    await objects.view({ group: "discovery.k8s.io", resource: "endpointslices" }).whenSynced(aborter.signal);
    const path = `/apis/${group}/${version}`;
    let target: Target;
    try {
      target = targetOf(
        service,
        path,
        identityHeaders({ username: "system:kube-aggregator", groups: ["system:masters"] }),
      );
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      if (error.message.startsWith("no service port"))
        return no(
          "ServicePortError",
          `service/${name} in ${JSON.stringify(namespace)} is not listening on port ${port}`,
        );
      return no("MissingEndpoints", `endpoints for service/${name} in ${JSON.stringify(namespace)} have no addresses`);
    }
    try {
      learn(`${version}.${group}`, offeredBy(await readJson(target, reading), group, version));
      await descriptions.learn(service, target);
      return available;
    } catch (error) {
      const url = `https://${target.host}:${target.port}${path}`;
      return no("FailedDiscoveryCheck", `failing or missing response from ${url}: ${(error as Error).message}`);
    }
  };

  const learn = (name: string, resources: readonly ResourceInfo[] | undefined): void => {
    if (jsonEqual(known.get(name) ?? null, resources ?? null)) return;
    if (resources) known.set(name, resources);
    else known.delete(name);
    // A server that has nothing now, such as one of metrics, is there all the same.
    offered = [...known].flatMap(([service, infos]): Offered[] => {
      const [version = "", ...rest] = service.split(".");
      const group = rest.join(".");
      return [{ group, version }, ...infos.map((info) => ({ group, version, info }))];
    });
    generation += 1;
  };

  const register = async (): Promise<void> => {
    for (const service of ownServices(resources, rfc3339(clock.now())))
      if (!view().get("", service.metadata.name)) await objects.createIfAbsent(apiServiceResource, service);
    registered = true;
  };

  /** Definitions' groups have services of their own, for as long as one serves them. */
  const registerCustom = async (): Promise<void> => {
    const wanted = customServices(custom.all, rfc3339(clock.now()));
    for (const service of wanted)
      if (!view().get("", service.metadata.name)) await objects.createIfAbsent(apiServiceResource, service);
    const names = new Set(wanted.map(({ metadata }) => metadata.name));
    const left = [...view().list()].filter(isApiService).filter(isOfDefinition);
    for (const service of left.filter(({ metadata }) => !names.has(metadata.name))) {
      // Another apiserver may have seen the definition before this one.
      const definitions = (await objects.readAll(definitionResource, "")).filter(isDefinition);
      if (!definitions.some((definition) => isServedBy(service, definition)))
        await objects.remove(apiServiceResource, "", service.metadata.name);
    }
  };

  const checkAll = async (): Promise<void> => {
    if (!registered) await register();
    await registerCustom();
    const services = [...view().list()].filter(isApiService);
    const remote = services.filter(isRemote);
    const names = new Set(remote.map(({ metadata }) => metadata.name));
    for (const name of known.keys()) if (!names.has(name)) learn(name, undefined);
    descriptions.keep(remote);
    let isWell = true;
    for (const service of services) {
      const found = isRemote(service) ? await check(service) : undefined;
      if (found && found.status !== "True") isWell = false;
      await say(service, found);
    }
    if (names.size > 0) arm(isWell ? checkEveryMs : checkAgainMs);
  };

  const say = async (service: APIService, found: Availability | undefined): Promise<void> => {
    const now = rfc3339(clock.now());
    if (!withAvailability(service, found, now)) return;
    await objects.update(apiServiceResource, "", service.metadata.name, (current) =>
      isApiService(current) && jsonEqual(current.spec, service.spec)
        ? withAvailability(current, found, now)
        : undefined,
    );
  };

  const look = (): void => {
    timer?.cancel();
    checking = checking
      .then(() => (aborter.signal.aborted ? undefined : checkAll()))
      .catch((err: unknown) => {
        if (aborter.signal.aborted) return;
        log.warn({ err }, "other servers' availability could not be looked at; tried again soon");
        arm(checkAgainMs);
      });
  };
  const arm = (afterMs: number): void => {
    timer?.cancel();
    if (!aborter.signal.aborted) timer = clock.setTimeout(look, afterMs);
  };

  return {
    get offered() {
      return offered;
    },
    get generation() {
      return generation;
    },
    descriptions,
    find(path) {
      const name = serviceNameOf(path);
      const service = name === undefined ? undefined : view().get("", name);
      return service && isRemote(service) ? service : undefined;
    },
    serve: (request, raw, response, signal) => forwardWhole(whither(request), request, raw, response, signal),
    upgrade: (request, raw, socket, head) => passUpgrade(whither(request), raw, socket, head),
    async start(signal) {
      await view().whenSynced(signal);
      unsubscribe = [
        view().subscribe(({ old, object }) => {
          // What it says itself is no news.
          if (!old || !object || !isApiService(old) || !isApiService(object) || !jsonEqual(old.spec, object.spec))
            look();
        }),
        objects.view(definitionResource).subscribe(look),
      ];
      look();
    },
    ready: () => [],
    async stop() {
      aborter.abort(new DOMException("stopped", "AbortError"));
      timer?.cancel();
      for (const end of unsubscribe) end();
      await checking;
    },
  };

  function whither({ info, query, object, user }: TunnelRequest): Target {
    const search = query.size === 0 ? "" : `?${query.toString()}`;
    return targetOf(object as RemoteService, `${info.path}${search}`, identityHeaders(user));
  }
}
