// The pods behind a name: a pod itself, those of a workload or service, those with a label. And which container is meant in one.
import { labelSelectorMatcher } from "@coxswain/apimachinery";
import type { LabelSelector, ObjectMeta } from "@coxswain/apimachinery";
import { CommandError } from "../failure.ts";
import type { Session } from "../session.ts";
import { getObject, listObjects } from "./api.ts";
import type { Obj } from "./api.ts";
import { parseTargets } from "./builder.ts";

export interface ContainerLike {
  readonly name: string;
  readonly image?: string;
  readonly command?: readonly string[];
  readonly stdin?: boolean;
  readonly tty?: boolean;
  readonly ports?: readonly { readonly name?: string; readonly containerPort: number; readonly protocol?: string }[];
}

/** As much of a pod as the commands on containers look at. */
export interface PodLike extends Obj {
  metadata: ObjectMeta;
  spec: {
    readonly containers: readonly ContainerLike[];
    readonly initContainers?: readonly ContainerLike[];
    readonly ephemeralContainers?: readonly ContainerLike[];
    readonly nodeName?: string;
  };
  status?: {
    readonly phase?: string;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly lastTransitionTime?: string;
    }[];
    readonly containerStatuses?: readonly { readonly name: string; readonly restartCount?: number }[];
  };
}

export interface PodQuery {
  readonly target: string | undefined;
  readonly selector: string;
  readonly allNamespaces?: boolean;
  /** How long the first pod of a workload is waited for; not at all when left out. */
  readonly waitMs?: number;
}

const lookAgainMs = 500;

/** The likeliest first: ready ones, then running ones, the oldest of them. */
export async function podsOf(session: Session, query: PodQuery): Promise<PodLike[]> {
  const mapper = await session.mapper();
  const pods = await mapper.find("pods");
  if (query.target === undefined) {
    const list = await listObjects(session, pods, query.allNamespaces === true ? undefined : session.namespace, {
      labelSelector: query.selector,
    });
    return list.items as PodLike[];
  }
  const [target] = await parseTargets(mapper, [query.target], "pods");
  const name = target?.names[0] ?? "";
  if (target === undefined) return [];
  const object = await getObject(
    session,
    target.descriptor,
    target.descriptor.namespaced ? session.namespace : undefined,
    name,
  );
  if (target.descriptor.resource === "pods" && target.descriptor.group === "") return [object as PodLike];
  const selector = selectorOf(object);
  if (selector === undefined)
    throw new CommandError(`cannot attach to *v1.${object.kind}: selector for ${object.kind} not implemented`);
  const matches = labelSelectorMatcher(selector);
  const look = async (): Promise<PodLike[]> => {
    const list = await listObjects(session, pods, session.namespace);
    return (list.items as PodLike[]).filter((pod) => matches.matches(pod.metadata.labels ?? {}));
  };
  let found = await look();
  const until = session.clock.monotonic() + (query.waitMs ?? 0);
  while (found.length === 0 && session.clock.monotonic() < until) {
    await new Promise<void>((resolve) => void session.clock.setTimeout(resolve, lookAgainMs));
    found = await look();
  }
  if (found.length === 0) throw new CommandError(`timed out waiting for the condition`);
  return found.toSorted(
    (left, right) =>
      rank(left) - rank(right) ||
      (left.metadata.creationTimestamp ?? "").localeCompare(right.metadata.creationTimestamp ?? ""),
  );
}

function rank(pod: PodLike): number {
  const ready =
    pod.status?.conditions?.some((condition) => condition.type === "Ready" && condition.status === "True") === true;
  return ready ? 0 : pod.status?.phase === "Running" ? 1 : pod.spec.nodeName !== undefined ? 2 : 3;
}

/** Which pods an object stands for; undefined for kinds without pods. */
export function selectorOf(object: Obj): LabelSelector | undefined {
  const selector = (object["spec"] as { selector?: unknown } | undefined)?.selector;
  if (typeof selector !== "object" || selector === null) return undefined;
  if (["Service", "ReplicationController"].includes(object.kind))
    return { matchLabels: selector as Record<string, string> };
  return selector as LabelSelector;
}

/** The annotated or the first container, with a word about the others. */
export function defaultContainer(session: Pick<Session, "err">, pod: PodLike): string {
  const annotated = pod.metadata.annotations?.["kubectl.kubernetes.io/default-container"];
  if (annotated !== undefined) return annotated;
  const [first] = pod.spec.containers;
  const all = [
    ...pod.spec.containers.map(({ name }) => name),
    ...(pod.spec.initContainers ?? []).map(({ name }) => `${name} (init)`),
    ...(pod.spec.ephemeralContainers ?? []).map(({ name }) => `${name} (ephem)`),
  ];
  if (all.length > 1) session.err.write(`Defaulted container "${first?.name ?? ""}" out of: ${all.join(", ")}\n`);
  return first?.name ?? "";
}
