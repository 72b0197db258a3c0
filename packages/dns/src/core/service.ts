// Answers about one service: its addresses and its named ports.
import type { Service } from "@coxswain/api/core/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { addressRecord, answerAddresses, found, noData, noSuchName } from "./answer.ts";
import type { Answer, Question, Record } from "./answer.ts";
import type { Endpoint } from "./endpoint.ts";
import { familyOf } from "./ip.ts";

export interface Place {
  readonly service: DeepReadonly<Service>;
  readonly endpoints: readonly Endpoint[];
  /** SERVICE.NS.svc.ZONE */
  readonly fullName: string;
}

export function answerService(question: Question, place: Place): Answer {
  const { spec } = place.service;
  if (spec?.type === "ExternalName") {
    const target = (spec.externalName ?? "").toLowerCase().replace(/\.$/, "");
    // An address is no name that an alias could lead to, and no label of a name is longer.
    if (familyOf(target) || !/^[^.]{1,63}(\.[^.]{1,63})*$/.test(target)) return noSuchName;
    return { kind: "alias", record: { type: "CNAME", name: question.name, data: target }, target };
  }
  return question.type === "SRV" && addressesOf(place).length > 0
    ? answerPort(question, place, undefined, undefined)
    : answerAddresses(question, addressesOf(place));
}

/** SRV records of the ports with this name and protocol; undefined stands for any. */
export function answerPort(
  question: Question,
  place: Place,
  port: string | undefined,
  protocol: string | undefined,
): Answer {
  const targets = isHeadless(place) ? endpointTargets(place) : serviceTargets(place);
  const chosen = targets.filter(
    (target) =>
      (port === undefined || target.portName === port) && (protocol === undefined || target.protocol === protocol),
  );
  if (chosen.length === 0) return noSuchName;
  // A name with a protocol but no port only leads to others.
  if (protocol !== undefined && port === undefined) return noData;
  if (question.type !== "SRV" && question.type !== "ANY") return noData;
  const records = new Map(chosen.map((target) => [`${target.target} ${target.port}`, target] as const));
  const weight = Math.max(1, Math.floor(100 / records.size));
  const additional = new Map(
    chosen.map(({ target, address }): [string, Record] => [`${target} ${address}`, addressRecord(target, address)]),
  );
  return found(
    [...records.values()].map((target): Record => ({
      type: "SRV",
      name: question.name,
      data: { priority: 0, weight, port: target.port, target: target.target },
    })),
    [...additional.values()],
  );
}

interface Target {
  readonly portName: string;
  readonly protocol: string;
  readonly port: number;
  readonly target: string;
  readonly address: string;
}

function serviceTargets(place: Place): Target[] {
  const { spec } = place.service;
  return (spec?.ports ?? []).flatMap(({ name, protocol, port }) =>
    clusterAddressesOf(place.service).map((address) => ({
      portName: name ?? "",
      protocol: (protocol ?? "TCP").toLowerCase(),
      port,
      target: place.fullName,
      address,
    })),
  );
}

function endpointTargets(place: Place): Target[] {
  return place.endpoints.flatMap((endpoint) =>
    endpoint.ports.map(({ name, protocol, port }) => ({
      portName: name,
      protocol,
      port,
      target: `${endpoint.host ?? endpoint.dashed}.${place.fullName}`,
      address: endpoint.address,
    })),
  );
}

function addressesOf(place: Place): readonly string[] {
  return isHeadless(place) ? place.endpoints.map(({ address }) => address) : clusterAddressesOf(place.service);
}

/** A service's own addresses, of both families. */
export function clusterAddressesOf({ spec }: DeepReadonly<Service>): readonly string[] {
  const addresses = spec?.clusterIPs?.length ? spec.clusterIPs : spec?.clusterIP ? [spec.clusterIP] : [];
  return addresses.filter((address) => address !== "None");
}

function isHeadless({ service }: Place): boolean {
  return service.spec?.clusterIP === "None";
}
