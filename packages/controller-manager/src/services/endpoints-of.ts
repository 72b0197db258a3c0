// What a Service's selector and ports mean for pods: which pods, which addresses, which port numbers. For slices and Endpoints.
import type { Pod, Protocol, Service, ServicePort } from "@coxswain/api/core/v1";
import type { DeepReadonly, LabelSelector } from "@coxswain/apimachinery";
import { objectKey } from "@coxswain/apimachinery";
import type { Informer, InformerEvent } from "@coxswain/controller";
import { isFinished, isReady } from "../pods/state.ts";
import type { ReadonlyPod } from "../pods/state.ts";
import { selects } from "../ownership/selector.ts";
import { sameJson } from "../loop/same-json.ts";

export type ReadonlyService = DeepReadonly<Service>;

export interface ResolvedPort {
  readonly name: string;
  readonly port: number;
  readonly protocol: Protocol;
  readonly appProtocol?: string;
}

/** Whether we fill the endpoints of this service at all. */
export const hasSelector = (service: ReadonlyService): boolean =>
  Object.keys(service.spec?.selector ?? {}).length > 0 && service.spec?.type !== "ExternalName";

/** One object for each service's labels, so that it is parsed once. */
const selectors = new WeakMap<object, DeepReadonly<LabelSelector>>();

function selectorOf({ spec }: ReadonlyService): DeepReadonly<LabelSelector> {
  const matchLabels = spec?.selector ?? {};
  const known = selectors.get(matchLabels) ?? { matchLabels };
  selectors.set(matchLabels, known);
  return known;
}

/** Pods with an address that have not ended, in a stable order. */
export function podsOf(service: ReadonlyService, pods: readonly ReadonlyPod[]): readonly ReadonlyPod[] {
  return pods
    .filter((pod) => !isFinished(pod) && (pod.status?.podIP ?? "") !== "")
    .filter((pod) => selects(selectorOf(service), pod.metadata.labels))
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}

/** Services whose endpoints this pod may be part of. */
export function servicesOf(
  services: Informer<Service>,
): (pod: ReadonlyPod, event: InformerEvent<Pod>) => readonly string[] {
  return (pod, event) => {
    if (event.type === "updated" && sameJson(relevant(event.object), relevant(event.old))) return [];
    return services
      .byIndex("namespace", pod.metadata.namespace ?? "")
      .filter((service) => hasSelector(service) && selects(selectorOf(service), pod.metadata.labels))
      .map(objectKey);
  };
}

const relevant = (pod: ReadonlyPod): unknown => ({
  ips: pod.status?.podIPs ?? pod.status?.podIP,
  ready: isReady(pod),
  ended: isFinished(pod),
  terminating: pod.metadata.deletionTimestamp !== undefined,
  labels: pod.metadata.labels,
  node: pod.spec?.nodeName,
  hostname: pod.spec?.hostname,
});

/** The ports of a service on one pod; a named port that the pod does not have is left out. */
export function resolvePorts(service: ReadonlyService, pod: ReadonlyPod): readonly ResolvedPort[] {
  return (service.spec?.ports ?? []).flatMap((port) => {
    const number = portNumber(port, pod);
    if (number === undefined) return [];
    const { appProtocol } = port;
    return [
      {
        name: port.name ?? "",
        port: number,
        protocol: port.protocol ?? "TCP",
        ...(appProtocol === undefined ? {} : { appProtocol }),
      },
    ];
  });
}

function portNumber(port: DeepReadonly<ServicePort>, pod: ReadonlyPod): number | undefined {
  const target = port.targetPort ?? port.port;
  if (typeof target === "number") return target === 0 ? port.port : target;
  const containers = [
    ...(pod.spec?.containers ?? []),
    ...(pod.spec?.initContainers ?? []).filter((one) => one.restartPolicy === "Always"),
  ];
  for (const container of containers) {
    const match = container.ports?.find(
      (one) => one.name === target && (one.protocol ?? "TCP") === (port.protocol ?? "TCP"),
    );
    if (match) return match.containerPort;
  }
  return /^\d+$/.test(target) ? Number(target) : undefined;
}

/** The name a pod has within its service's domain, for headless services. */
export function hostnameOf(service: ReadonlyService, pod: ReadonlyPod): string | undefined {
  const named = pod.spec?.hostname && pod.spec.subdomain === service.metadata.name;
  return named ? pod.spec?.hostname : undefined;
}

export const isHeadless = (service: ReadonlyService): boolean => service.spec?.clusterIP === "None";
