// What a Service gets from the cluster when it is written: its address, its node ports, its address family. As Kubernetes'
// `pkg/registry/core/service/storage/alloc.go`, for clusters with IPv4 only.
//
// The registry calls `allocate` before it stores the object, then exactly one of `commit` (stored: what the old object no longer needs is
// given back) and `revert` (not stored: what was taken is given back). A crash in between leaves something taken; `repair.ts` finds it.
import { type ApiObject, type FieldError, fieldErrors, jsonEqual, StatusError, statuses } from "@coxswain/apimachinery";
import type { Service } from "@coxswain/api/core/v1";
import type { IpAllocator, Owner } from "./ip-allocator.ts";
import { withFamilies } from "./families.ts";
import { inRange, ipAt, type IpRange } from "./ip-range.ts";
import type { PortAllocator, PortRange } from "./port-allocator.ts";

export interface ServiceAllocation {
  readonly service: ApiObject;
  commit(): Promise<void>;
  revert(): Promise<void>;
}

export interface ServiceAllocator {
  /** `old` is the stored object of an update. With `dryRun` nothing is taken: what is given may be another's. */
  allocate(service: ApiObject, old: ApiObject | undefined, dryRun: boolean): Promise<ServiceAllocation>;
  /** After the service has been deleted. */
  release(service: ApiObject): Promise<void>;
}

type Spec = NonNullable<Service["spec"]>;
type Port = NonNullable<Spec["ports"]>[number];

export function createServiceAllocator(
  config: { readonly ipRange: IpRange; readonly portRange: PortRange },
  ports: { readonly ips: IpAllocator; readonly nodePorts: PortAllocator },
): ServiceAllocator {
  return {
    async allocate(object, oldObject, dryRun) {
      const old = (oldObject as Service | undefined)?.spec;
      const { spec, errors } = withFamilies(carriedOver((object as Service).spec ?? {}, old), old);
      if (errors.length > 0) throw invalid(object, ...errors);
      const service = { ...object, spec } as ApiObject & { spec: Spec };
      const taken: { ips: string[]; ports: number[] } = { ips: [], ports: [] };
      const giveBack = async (what: { ips: readonly string[]; ports: readonly number[] }): Promise<void> => {
        await Promise.all(what.ips.map((ip) => ports.ips.release(ip, ownerOf(object))));
        await ports.nodePorts.release(what.ports);
      };
      try {
        const withIp = await withAddress(service, old, dryRun, taken.ips);
        const complete = await withPorts(withIp, old, dryRun, taken.ports);
        const unneeded = {
          ips: missing(ipsOf(old), ipsOf(complete.spec)),
          ports: missing(portsOf(old), portsOf(complete.spec)),
        };
        return {
          service: complete,
          commit: () => (dryRun ? Promise.resolve() : giveBack(unneeded)),
          revert: () => giveBack(taken),
        };
      } catch (error) {
        await giveBack(taken);
        throw error;
      }
    },
    async release(object) {
      const { spec } = object as Service;
      await Promise.all(ipsOf(spec).map((ip) => ports.ips.release(ip, ownerOf(object))));
      await ports.nodePorts.release(portsOf(spec));
    },
  };

  async function withAddress(
    service: ApiObject & { spec: Spec },
    old: Spec | undefined,
    dryRun: boolean,
    taken: string[],
  ): Promise<ApiObject & { spec: Spec }> {
    const { spec } = service;
    if (spec.type === "ExternalName") return service;
    const asked = spec.clusterIP ?? spec.clusterIPs?.[0] ?? "";
    const having = (ip: string): ApiObject & { spec: Spec } => ({
      ...service,
      spec: { ...spec, clusterIP: ip, clusterIPs: [ip] },
    });
    // Whether it may be another than before is for validation to say.
    const hasOne = old !== undefined && old.type !== "ExternalName" && (old.clusterIPs ?? []).length > 0;
    if (asked === "None" || (asked !== "" && hasOne)) return having(asked);
    // Nothing is looked for in vain: the network's own address stands for any.
    if (dryRun && asked === "") return having(ipAt(config.ipRange, -1));
    if (dryRun && inRange(config.ipRange, asked)) return having(asked);

    const owner = ownerOf(service);
    const outcome = asked === "" ? await ports.ips.allocateNext(owner) : await ports.ips.allocate(asked, owner);
    switch (outcome.kind) {
      case "allocated":
        taken.push(outcome.ip);
        return having(outcome.ip);
      case "taken":
        throw invalid(
          service,
          fieldErrors.invalid(
            "spec.clusterIPs",
            [asked],
            `failed to allocate IP ${asked}: provided IP is already allocated`,
          ),
        );
      case "outside": {
        const why = `the provided IP (${asked}) is not in the valid range. The range of valid IPs is ${config.ipRange.text}`;
        throw invalid(
          service,
          fieldErrors.invalid("spec.clusterIPs", [asked], `failed to allocate IP ${asked}: ${why}`),
        );
      }
      case "full":
        throw new StatusError(statuses.internalError("failed to allocate a serviceIP: range is full"));
      default:
        return outcome satisfies never;
    }
  }

  async function withPorts(
    service: ApiObject & { spec: Spec },
    old: Spec | undefined,
    dryRun: boolean,
    taken: number[],
  ): Promise<ApiObject & { spec: Spec }> {
    const { spec } = service;
    if (!needsNodePorts(spec) && !needsHealthPort(spec)) return { ...service, spec: withoutNodePorts(spec) };
    const have = new Set(portsOf(old));
    const list = needsNodePorts(spec) ? (spec.ports ?? []) : [];
    const wanted = new Set<number>();
    for (const [index, port] of list.entries()) {
      const number = port.nodePort ?? 0;
      if (number === 0) continue;
      const twice = list.some(
        (other, at) =>
          at < index && other.nodePort === number && (other.protocol ?? "TCP") === (port.protocol ?? "TCP"),
      );
      if (twice) throw invalid(service, fieldErrors.duplicate(`spec.ports[${index}].nodePort`, number));
      if (!have.has(number)) wanted.add(number);
    }
    const healthPort = needsHealthPort(spec) ? (spec.healthCheckNodePort ?? 0) : undefined;
    if (healthPort !== undefined && healthPort !== 0 && !have.has(healthPort)) wanted.add(healthPort);
    // A port that is served over TCP and UDP gets one number for both, as DNS servers need it: where one is asked for, that one.
    const chosenFor = new Map<string, number>();
    for (const port of list) if (port.nodePort) chosenFor.set(groupOf(port), port.nodePort);
    const open = list.filter((port) => (port.nodePort ?? 0) === 0);
    const groups = [...new Set(open.map(groupOf))].filter((group) => !chosenFor.has(group));
    const more = groups.length + (healthPort === 0 ? 1 : 0);
    const outcome = dryRun
      ? { kind: "allocated" as const, ports: guessed([...wanted], more) }
      : await ports.nodePorts.allocate([...wanted], more);
    if (outcome.kind === "full")
      throw new StatusError(statuses.internalError("failed to allocate a nodePort: range is full"));
    if (outcome.kind !== "allocated") {
      const at = list.findIndex((port) => port.nodePort === outcome.port);
      const field = at >= 0 ? `spec.ports[${at}].nodePort` : "spec.healthCheckNodePort";
      const range = `${config.portRange.first}-${config.portRange.last}`;
      const why =
        outcome.kind === "taken"
          ? "provided port is already allocated"
          : `provided port is not in the valid range. The range of valid ports is ${range}`;
      throw invalid(service, fieldErrors.invalid(field, outcome.port, why));
    }
    if (!dryRun) taken.push(...outcome.ports);
    const fresh = outcome.ports.slice(wanted.size);
    for (const [index, group] of groups.entries()) chosenFor.set(group, fresh[index] ?? 0);
    const given = (port: Port): Port =>
      (port.nodePort ?? 0) === 0 ? { ...port, nodePort: chosenFor.get(groupOf(port)) } : port;
    const complete: Spec = {
      ...spec,
      ...(list.length === 0 ? {} : { ports: list.map(given) }),
      ...(healthPort === undefined ? {} : { healthCheckNodePort: healthPort === 0 ? fresh.at(-1) : healthPort }),
    };
    return { ...service, spec: complete };
  }
}

const ownerOf = ({ metadata }: ApiObject): Owner => ({ namespace: metadata.namespace ?? "", name: metadata.name });

const ofAddresses = ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"] as const;
const ofBalancers = ["allocateLoadBalancerNodePorts", "loadBalancerClass"] as const;

/** What the old type has and the new one cannot have: it goes, where nobody has touched it. */
function dependentOnType(spec: Spec, old: Spec): readonly (keyof Spec)[] {
  const leaves = (has: (one: Spec) => boolean): boolean => has(old) && !has(spec);
  return [
    ...(leaves(({ type }) => type !== "ExternalName") ? ofAddresses : []),
    ...(leaves(isReachedFromOutside) ? (["externalTrafficPolicy"] as const) : []),
    ...(leaves(({ type }) => type === "LoadBalancer") ? ofBalancers : []),
    ...(leaves(needsHealthPort) ? (["healthCheckNodePort"] as const) : []),
  ];
}

function isReachedFromOutside({ type, externalIPs = [] }: Spec): boolean {
  return type === "NodePort" || type === "LoadBalancer" || (type === "ClusterIP" && externalIPs.length > 0);
}

/** An update that leaves out what the cluster gave means "as it is". */
function carriedOver(spec: Spec, old: Spec | undefined): Spec {
  const asked = spec.clusterIP ?? "";
  const isAlone = asked !== "" && ((spec.clusterIPs ?? []).length === 0 || isOnlyChange(spec, old));
  let next = isAlone ? { ...spec, clusterIPs: [asked, ...(spec.clusterIPs ?? []).slice(1)] } : spec;
  if (old === undefined) return next;
  const bothHaveIp = spec.type !== "ExternalName" && old.type !== "ExternalName";
  if (bothHaveIp && (spec.clusterIP ?? "") === "" && (spec.clusterIPs ?? []).length === 0) {
    next = { ...next, clusterIP: old.clusterIP, clusterIPs: old.clusterIPs };
  } else if (bothHaveIp && (spec.clusterIP ?? "") === "") next = { ...next, clusterIP: spec.clusterIPs?.[0] };
  next = withoutKeys(next, ...dependentOnType(spec, old).filter((name) => jsonEqual(spec[name], old[name])));
  if (needsNodePorts(next) && needsNodePorts(old)) {
    const used = new Set((next.ports ?? []).map((port) => port.nodePort));
    const known = (port: Port): Port => {
      if ((port.nodePort ?? 0) !== 0) return port;
      const before = (old.ports ?? []).find(
        (other) => other.port === port.port && (other.protocol ?? "TCP") === (port.protocol ?? "TCP"),
      );
      return before?.nodePort === undefined || used.has(before.nodePort)
        ? port
        : { ...port, nodePort: before.nodePort };
    };
    next = { ...next, ports: (next.ports ?? []).map(known) };
  }
  if (needsHealthPort(next) && needsHealthPort(old) && (next.healthCheckNodePort ?? 0) === 0)
    next = { ...next, healthCheckNodePort: old.healthCheckNodePort };
  return next;
}

/** Who knows of one address only changes that one. */
function isOnlyChange(spec: Spec, old: Spec | undefined): boolean {
  return old !== undefined && spec.clusterIP !== old.clusterIP && jsonEqual(spec.clusterIPs, old.clusterIPs ?? null);
}

function needsNodePorts(spec: Spec): boolean {
  return spec.type === "NodePort" || (spec.type === "LoadBalancer" && spec.allocateLoadBalancerNodePorts !== false);
}

function needsHealthPort(spec: Spec): boolean {
  return spec.type === "LoadBalancer" && spec.externalTrafficPolicy === "Local";
}

/** Node ports of a service that is no longer reached by them are dropped when they came from the old object's form. */
function withoutNodePorts(spec: Spec): Spec {
  if (spec.type === "LoadBalancer" || !(spec.ports ?? []).some((port) => port.nodePort !== undefined)) return spec;
  return { ...spec, ports: (spec.ports ?? []).map((port) => withoutKeys(port, "nodePort")) };
}

function withoutKeys<T extends object>(object: T, ...names: readonly string[]): T {
  return Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name))) as T;
}

function groupOf(port: Port): string {
  return String(port.port);
}

/** Addresses that the service holds. */
export function ipsOf(spec: Spec | undefined): readonly string[] {
  if (spec === undefined || spec.type === "ExternalName") return [];
  const all = spec.clusterIPs ?? (spec.clusterIP === undefined ? [] : [spec.clusterIP]);
  return all.filter((ip) => ip !== "" && ip !== "None");
}

/** Node ports that the service holds, each once. */
export function portsOf(spec: Spec | undefined): readonly number[] {
  if (spec === undefined) return [];
  const numbers = [...(spec.ports ?? []).map((port) => port.nodePort ?? 0), spec.healthCheckNodePort ?? 0];
  return [...new Set(numbers.filter((number) => number !== 0))];
}

function missing<T>(before: readonly T[], after: readonly T[]): readonly T[] {
  return before.filter((value) => !after.includes(value));
}

/** Ports that stand for any others, behind those asked for. */
function guessed(wanted: readonly number[], more: number): readonly number[] {
  const last = wanted.length === 0 ? 32_768 : Math.max(...wanted);
  return [...wanted, ...Array.from({ length: more }, (_, index) => last + 1 + index)];
}

function invalid(service: ApiObject, ...errors: readonly FieldError[]): StatusError {
  return new StatusError(statuses.invalid({ group: "", kind: "Service" }, service.metadata.name, errors));
}
