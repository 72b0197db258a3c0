// Pods that do not come from the API: a document becomes a pod of this node, with the kubelet's annotations, and a pod becomes
// the mirror by which the API knows of it. Pure; reading documents and writing mirrors are the shell's.
import { defaultObject, findSchema, validateCreate } from "@coxswain/api";
import type { Pod } from "@coxswain/api/core/v1";
import { aggregateText, cloneJson, decode, DecodeError, isJsonObject } from "@coxswain/apimachinery";
import type { ApiObject, DeepReadonly } from "@coxswain/apimachinery";
import { rfc3339Micro } from "@coxswain/clock";
import { allContainersOf } from "./lifecycle.ts";

export const configMarks = {
  /** Of a mirror: the hash of the static pod it stands for. */
  mirror: "kubernetes.io/config.mirror",
  /** The static pod's uid, which is a hash of its manifest. */
  hash: "kubernetes.io/config.hash",
  source: "kubernetes.io/config.source",
  seen: "kubernetes.io/config.seen",
} as const;

export interface ManifestOrigin {
  readonly source: "file" | "http";
  /** The file's path or the URL; part of the identity. */
  readonly place: string;
  readonly nodeName: string;
  readonly nowMs: number;
  readonly hash: (text: string) => string;
}

export type StaticPodResult = { readonly pod: Pod } | { readonly error: string };

const podKind = { group: "", version: "v1", kind: "Pod" } as const;

/** One document, a Pod or a PodList, as pods of this node. What is wrong with one does not keep the others. */
export function staticPods(document: unknown, origin: ManifestOrigin): readonly StaticPodResult[] {
  if (!isJsonObject(document)) return [{ error: "the manifest is not an object" }];
  if (document.kind === "PodList" || document.kind === "List")
    return (Array.isArray(document.items) ? document.items : []).map((item) =>
      staticPod(isJsonObject(item) ? { apiVersion: "v1", kind: "Pod", ...item } : item, origin),
    );
  return [staticPod(document, origin)];
}

function staticPod(document: unknown, origin: ManifestOrigin): StaticPodResult {
  if (!isJsonObject(document)) return { error: "the manifest is not an object" };
  const { apiVersion, kind } = document;
  if (apiVersion !== "v1" || kind !== "Pod")
    return { error: `expected a Pod of v1, found ${JSON.stringify(kind)} of ${JSON.stringify(apiVersion)}` };
  const schema = findSchema(podKind);
  if (!schema) return { error: "pods are not known" };
  const text = JSON.stringify(document);
  let pod: Pod;
  try {
    pod = decode(schema, document).value as Pod & Record<string, unknown>;
  } catch (error) {
    if (error instanceof DecodeError) return { error: error.message };
    throw error;
  }
  const uid = origin.hash(`${text}\nhost:${origin.nodeName}\n${origin.source}:${origin.place}`);
  const { name, namespace, annotations = {} } = pod.metadata;
  const { status: _status, ...rest } = pod;
  const mine: Pod = {
    ...rest,
    metadata: {
      ...pod.metadata,
      name: `${name}-${origin.nodeName}`,
      namespace: namespace || "default",
      uid,
      annotations: {
        ...withoutConfigMarks(annotations),
        [configMarks.hash]: uid,
        [configMarks.seen]: rfc3339Micro(origin.nowMs),
        [configMarks.source]: origin.source,
      },
    },
    spec: { ...(pod.spec ?? { containers: [] }), nodeName: origin.nodeName },
  };
  // A node's own trouble is no reason to end what runs the node.
  mine.spec = {
    ...mine.spec,
    containers: mine.spec?.containers ?? [],
    tolerations: [...(mine.spec?.tolerations ?? []), { operator: "Exists", effect: "NoExecute" }],
  };
  defaultObject(podKind, mine as ApiObject);
  if (!name) return { error: "metadata.name: Required value: name or generateName is required" };
  const errors = validateCreate(podKind, mine as ApiObject);
  if (errors.length > 0) return { error: aggregateText(errors) };
  const reference = apiReference(mine);
  if (reference !== undefined) return { error: `static pods can not reference ${reference}` };
  return { pod: { ...mine, status: { phase: "Pending" } } };
}

function withoutConfigMarks(annotations: Readonly<Record<string, string>>): Record<string, string> {
  const own: readonly string[] = Object.values(configMarks);
  return Object.fromEntries(Object.entries(annotations).filter(([key]) => !own.includes(key)));
}

/** A static pod must run without an API, so it may not need objects of it. */
function apiReference(pod: Pod): string | undefined {
  const { spec } = pod;
  if (spec?.serviceAccountName) return "serviceaccounts";
  if (spec?.imagePullSecrets?.length) return "secrets";
  for (const volume of spec?.volumes ?? []) {
    const sources = [volume, ...(volume.projected?.sources ?? [])];
    if (sources.some((source) => source.secret)) return "secrets";
    if (sources.some((source) => source.configMap)) return "configmaps";
    if (volume.projected?.sources?.some((source) => source.serviceAccountToken)) return "serviceaccounts";
    if (volume.persistentVolumeClaim || volume.ephemeral) return "persistentvolumeclaims";
  }
  if (spec?.resourceClaims?.length) return "resourceclaims";
  for (const container of allContainersOf(pod)) {
    const sources = [...(container.envFrom ?? []), ...(container.env ?? []).map((variable) => variable.valueFrom)];
    for (const source of sources) {
      if (!source) continue;
      if (("secretRef" in source && source.secretRef) || ("secretKeyRef" in source && source.secretKeyRef))
        return "secrets";
      if (("configMapRef" in source && source.configMapRef) || ("configMapKeyRef" in source && source.configMapKeyRef))
        return "configmaps";
    }
  }
  return undefined;
}

export function isMirrorPod(pod: DeepReadonly<Pod>): boolean {
  return pod.metadata.annotations?.[configMarks.mirror] !== undefined;
}

/** What the API is to be told of a static pod. */
export function mirrorOf(pod: Pod, node: { readonly name: string; readonly uid: string }): Pod {
  const { uid = "", resourceVersion: _version, creationTimestamp: _created, ...metadata } = pod.metadata;
  const { status: _status, ...rest } = pod;
  return cloneJson({
    ...rest,
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      ...metadata,
      annotations: { ...metadata.annotations, [configMarks.mirror]: uid },
      ownerReferences: [{ apiVersion: "v1", kind: "Node", name: node.name, uid: node.uid, controller: true }],
    },
  });
}

/** Whether what the API has still stands for this pod. */
export function isMirrorOf(mirror: Pod, pod: Pod): boolean {
  return mirror.metadata.annotations?.[configMarks.mirror] === pod.metadata.uid;
}
