// Answers about one service: its addresses and its named ports.
import type { Service } from "@coxswain/api/core/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { found, noData, noSuchName } from "./answer.ts";
import type { Answer, Question, Record } from "./answer.ts";
import type { Endpoint } from "./endpoint.ts";

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
    return { kind: "alias", record: { type: "CNAME", name: question.name, data: target }, target };
  }
  const addresses = addressesOf(place);
  if (addresses.length === 0) return noSuchName;
  switch (question.type) {
    case "A":
    case "ANY":
      return found(addresses.map((data): Record => ({ type: "A", name: question.name, data })));
    case "SRV":
      return answerPort(question, place, undefined, undefined);
    default:
      return noData;
  }
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
  const weight = Math.max(1, Math.floor(100 / chosen.length));
  const additional = new Map(
    chosen.map(({ target, address }): [string, Record] => [
      `${target} ${address}`,
      { type: "A", name: target, data: address },
    ]),
  );
  return found(
    chosen.map((target): Record => ({
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
  const address = place.service.spec?.clusterIP;
  if (!address) return [];
  return (place.service.spec?.ports ?? []).map(({ name, protocol, port }) => ({
    portName: name ?? "",
    protocol: (protocol ?? "TCP").toLowerCase(),
    port,
    target: place.fullName,
    address,
  }));
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
  if (isHeadless(place)) return [...new Set(place.endpoints.map(({ address }) => address))];
  const { clusterIP } = place.service.spec ?? {};
  return clusterIP ? [clusterIP] : [];
}

function isHeadless({ service }: Place): boolean {
  return service.spec?.clusterIP === "None";
}
