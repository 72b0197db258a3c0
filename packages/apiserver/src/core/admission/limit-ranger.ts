// LimitRange: default requests and limits for containers, then the smallest, largest and ratio allowed for containers, pods and
// claims. Kubernetes' `plugin/pkg/admission/limitranger` and its sentences.
import { addQuantities, type ApiObject, compareQuantities, quantityMillis } from "@coxswain/apimachinery";
import type { Container, LimitRange, PersistentVolumeClaim, Pod } from "@coxswain/api/core/v1";
import type { AdmissionAttributes, AdmissionPlugin, ObjectReader } from "../request.ts";
import { concerns, refusal } from "./refusal.ts";

type Amounts = Readonly<Record<string, string>>;
type LimitItem = NonNullable<LimitRange["spec"]>["limits"][number];

export function createLimitRanger(reader: ObjectReader): AdmissionPlugin {
  const view = reader.view({ group: "", resource: "limitranges" });
  return {
    name: "LimitRanger",
    handles: (attributes) =>
      (concerns(attributes, "", "pods", "CREATE", "UPDATE") && !isDying(attributes)) ||
      concerns(attributes, "", "persistentvolumeclaims", "CREATE", "UPDATE"),
    admit(attributes) {
      if (attributes.resource.resource !== "pods" || attributes.operation !== "CREATE") return undefined;
      let pod = attributes.object as Pod;
      for (const range of view.list(attributes.namespace)) pod = withDefaults(pod, range as LimitRange);
      return pod === attributes.object ? undefined : (pod as ApiObject);
    },
    validate(attributes) {
      // What a running pod uses was judged when it came.
      if (attributes.resource.resource === "pods" && attributes.operation === "UPDATE") return;
      for (const range of view.list(attributes.namespace)) {
        const items = (range as LimitRange).spec?.limits ?? [];
        const wrong =
          attributes.resource.resource === "pods"
            ? podErrors(attributes.object as Pod, items)
            : claimErrors(attributes.object as PersistentVolumeClaim, items);
        if (wrong.length > 0)
          throw refusal(attributes, wrong.length === 1 ? (wrong[0] ?? "") : `[${wrong.join(", ")}]`);
      }
    },
  };
}

function isDying(attributes: AdmissionAttributes): boolean {
  return attributes.operation === "UPDATE" && attributes.object?.metadata.deletionTimestamp !== undefined;
}

/** Fills in what containers leave out, and says so in the annotation that Kubernetes writes. */
function withDefaults(pod: Pod, range: LimitRange): Pod {
  const items = (range.spec?.limits ?? []).filter((item) => item.type === "Container");
  const requests: Amounts = Object.assign({}, ...items.map((item) => item.defaultRequest ?? {})) as Amounts;
  const limits: Amounts = Object.assign({}, ...items.map((item) => item.default ?? {})) as Amounts;
  if (pod.spec === undefined || (Object.keys(requests).length === 0 && Object.keys(limits).length === 0)) return pod;
  const said: string[] = [];
  const fill =
    (kind: string) =>
    (container: Container): Container => {
      const own = container.resources ?? {};
      const addedRequests = missingFrom(own.requests ?? {}, requests);
      const addedLimits = missingFrom(own.limits ?? {}, limits);
      if (addedRequests.length + addedLimits.length === 0) return container;
      if (addedRequests.length > 0)
        said.push(
          `${addedRequests
            .map(([name]) => name)
            .toSorted()
            .join(", ")} request for ${kind} ${container.name}`,
        );
      if (addedLimits.length > 0)
        said.push(
          `${addedLimits
            .map(([name]) => name)
            .toSorted()
            .join(", ")} limit for ${kind} ${container.name}`,
        );
      return {
        ...container,
        resources: {
          ...own,
          ...(addedRequests.length === 0
            ? {}
            : { requests: { ...own.requests, ...Object.fromEntries(addedRequests) } }),
          ...(addedLimits.length === 0 ? {} : { limits: { ...own.limits, ...Object.fromEntries(addedLimits) } }),
        },
      };
    };
  const containers = pod.spec.containers.map(fill("container"));
  const initContainers = pod.spec.initContainers?.map(fill("init container"));
  if (said.length === 0) return pod;
  const annotations = {
    ...pod.metadata.annotations,
    "kubernetes.io/limit-ranger": `LimitRanger plugin set: ${said.join("; ")}`,
  };
  return {
    ...pod,
    metadata: { ...pod.metadata, annotations },
    spec: { ...pod.spec, containers, ...(initContainers === undefined ? {} : { initContainers }) },
  };
}

function missingFrom(own: Amounts, wanted: Amounts): readonly (readonly [string, string])[] {
  return Object.entries(wanted).filter(([name]) => own[name] === undefined);
}

function podErrors(pod: Pod, items: readonly LimitItem[]): readonly string[] {
  const { containers = [], initContainers = [] } = pod.spec ?? {};
  return items.flatMap((item) => {
    if (item.type === "Container") {
      return [...containers, ...initContainers].flatMap(({ resources }) =>
        itemErrors(item, resources?.requests ?? {}, resources?.limits ?? {}),
      );
    }
    if (item.type === "Pod")
      return itemErrors(
        item,
        sumOf(containers, initContainers, "requests"),
        sumOf(containers, initContainers, "limits"),
      );
    return [];
  });
}

function claimErrors(claim: PersistentVolumeClaim, items: readonly LimitItem[]): readonly string[] {
  const requests = claim.spec?.resources?.requests ?? {};
  return items.flatMap((item) => {
    if (item.type !== "PersistentVolumeClaim") return [];
    const found: string[] = [];
    for (const [name, minimum] of Object.entries(item.min ?? {})) {
      const request = requests[name];
      if (request !== undefined && compareQuantities(request, minimum) < 0)
        found.push(tooSmall(name, item.type, minimum, "request", request));
    }
    for (const [name, maximum] of Object.entries(item.max ?? {})) {
      const request = requests[name];
      if (request !== undefined && compareQuantities(request, maximum) > 0)
        found.push(tooBig(name, item.type, maximum, "request", request));
    }
    return found;
  });
}

function itemErrors(item: LimitItem, requests: Amounts, limits: Amounts): readonly string[] {
  const { type } = item;
  const found: string[] = [];
  for (const [name, minimum] of Object.entries(item.min ?? {})) {
    const [request, limit] = [requests[name], limits[name]];
    if (request === undefined) found.push(`minimum ${name} usage per ${type} is ${minimum}.  No request is specified`);
    else if (compareQuantities(request, minimum) < 0) found.push(tooSmall(name, type, minimum, "request", request));
    if (limit !== undefined && compareQuantities(limit, minimum) < 0)
      found.push(tooSmall(name, type, minimum, "limit", limit));
  }
  for (const [name, maximum] of Object.entries(item.max ?? {})) {
    const [request, limit] = [requests[name], limits[name]];
    if (limit === undefined) found.push(`maximum ${name} usage per ${type} is ${maximum}.  No limit is specified`);
    else if (compareQuantities(limit, maximum) > 0) found.push(tooBig(name, type, maximum, "limit", limit));
    if (request !== undefined && compareQuantities(request, maximum) > 0)
      found.push(tooBig(name, type, maximum, "request", request));
  }
  for (const [name, ratio] of Object.entries(item.maxLimitRequestRatio ?? {})) {
    const [request, limit] = [requests[name], limits[name]];
    if (request === undefined || quantityMillis(request) === 0) {
      found.push(
        `${name} max limit to request ratio per ${type} is ${ratio}, but no request is specified or request is 0`,
      );
    } else if (limit === undefined || quantityMillis(limit) === 0) {
      found.push(`${name} max limit to request ratio per ${type} is ${ratio}, but no limit is specified or limit is 0`);
    } else {
      const actual = quantityMillis(limit) / quantityMillis(request);
      if (actual > quantityMillis(ratio) / 1000)
        found.push(
          `${name} max limit to request ratio per ${type} is ${ratio}, but provided ratio is ${actual.toFixed(6)}`,
        );
    }
  }
  return found;
}

const tooSmall = (name: string, type: string, minimum: string, what: string, found: string): string =>
  `minimum ${name} usage per ${type} is ${minimum}, but ${what} is ${found}`;
const tooBig = (name: string, type: string, maximum: string, what: string, found: string): string =>
  `maximum ${name} usage per ${type} is ${maximum}, but ${what} is ${found}`;

/** Containers run together, init containers one after the other: the sum of the ones, or the largest of the others. */
function sumOf(
  containers: readonly Container[],
  initContainers: readonly Container[],
  which: "requests" | "limits",
): Amounts {
  const total: Record<string, string> = {};
  for (const { resources } of containers) {
    for (const [name, amount] of Object.entries(resources?.[which] ?? {}))
      total[name] = addQuantities(total[name] ?? "0", amount);
  }
  for (const { resources } of initContainers) {
    for (const [name, amount] of Object.entries(resources?.[which] ?? {})) {
      if (total[name] === undefined || compareQuantities(amount, total[name]) > 0) total[name] = amount;
    }
  }
  return total;
}
