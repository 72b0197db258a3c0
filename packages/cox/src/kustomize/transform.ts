// The changes a kustomization makes to every object: namespace, labels, annotations, names and what refers to them, images, replicas.
import type { Obj } from "../resource/api.ts";
import { atSpec } from "./fields.ts";
import { newName, through } from "./resource.ts";
import type { Res } from "./resource.ts";
import type { Image, Kustomization, Labels } from "./types.ts";

type Tree = Record<string, unknown>;

const clusterWide = new Set([
  "Namespace",
  "Node",
  "PersistentVolume",
  "StorageClass",
  "ClusterRole",
  "ClusterRoleBinding",
  "CustomResourceDefinition",
  "PriorityClass",
  "RuntimeClass",
  "IngressClass",
  "APIService",
  "ValidatingWebhookConfiguration",
  "MutatingWebhookConfiguration",
  "CSIDriver",
  "CertificateSigningRequest",
]);
const workloads = new Set(["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "ReplicationController", "Job"]);
const selectable = new Set(["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"]);

const isTree = (value: unknown): value is Tree => typeof value === "object" && value !== null && !Array.isArray(value);

/** A copy with the value at a path replaced; the way there is made where `make` says so. */
function change(object: Obj, path: readonly string[], value: (old: unknown) => unknown, make: boolean): Obj {
  const step = (node: unknown, at: number): unknown => {
    const key = path[at];
    if (key === undefined) return value(node);
    if (node === undefined && !make) return undefined;
    const tree = isTree(node) ? node : {};
    const inner = step(tree[key], at + 1);
    return inner === undefined ? node : { ...tree, [key]: inner };
  };
  return step(object, 0) as Obj;
}

export function setNamespace(objects: readonly Obj[], namespace: string): Obj[] {
  return objects.map((object) => {
    if (object.kind === "Namespace") return { ...object, metadata: { ...object.metadata, name: namespace } };
    const moved = clusterWide.has(object.kind) ? object : { ...object, metadata: { ...object.metadata, namespace } };
    if (!["RoleBinding", "ClusterRoleBinding"].includes(object.kind)) return moved;
    const accounts = new Set(
      objects.filter(({ kind }) => kind === "ServiceAccount").map(({ metadata }) => metadata.name),
    );
    const subjects = (moved["subjects"] as Tree[] | undefined)?.map((subject) =>
      subject["kind"] === "ServiceAccount" && (subject["name"] === "default" || accounts.has(String(subject["name"])))
        ? { ...subject, namespace }
        : subject,
    );
    return subjects === undefined ? moved : { ...moved, subjects };
  });
}

export function addLabels(objects: readonly Obj[], { commonLabels, labels = [] }: Kustomization): Obj[] {
  const all: readonly Labels[] = [
    ...(commonLabels === undefined ? [] : [{ pairs: commonLabels, includeSelectors: true }]),
    ...labels,
  ];
  return objects.map((object) =>
    all.reduce((current: Obj, { pairs, ...more }) => {
      const add = (old: unknown): unknown => ({ ...(old as Tree | undefined), ...pairs });
      let next = change(current, ["metadata", "labels"], add, true);
      for (const spec of more.fields ?? []) next = atSpec(next, spec, add);
      const templates = more.includeSelectors === true || more.includeTemplates === true;
      if (templates && workloads.has(object.kind))
        next = change(next, ["spec", "template", "metadata", "labels"], add, true);
      if (templates && object.kind === "CronJob") {
        next = change(next, ["spec", "jobTemplate", "spec", "template", "metadata", "labels"], add, true);
        next = change(next, ["spec", "jobTemplate", "metadata", "labels"], add, more.includeSelectors === true);
      }
      if (more.includeSelectors !== true) return next;
      if (selectable.has(object.kind)) next = change(next, ["spec", "selector", "matchLabels"], add, true);
      if (["Service", "ReplicationController"].includes(object.kind))
        next = change(next, ["spec", "selector"], add, true);
      if (object.kind === "StatefulSet")
        next = atSpec(next, { path: "spec/volumeClaimTemplates[]/metadata/labels", create: true }, add);
      if (object.kind === "NetworkPolicy")
        for (const path of ["spec/ingress/from/podSelector/matchLabels", "spec/egress/to/podSelector/matchLabels"])
          next = atSpec(next, { path }, (old) => (old === undefined ? undefined : add(old)));
      if (["PodDisruptionBudget", "NetworkPolicy"].includes(object.kind))
        next = change(
          next,
          ["spec", object.kind === "NetworkPolicy" ? "podSelector" : "selector", "matchLabels"],
          (old) => (old === undefined ? undefined : add(old)),
          false,
        );
      return next;
    }, object),
  );
}

export function setAnnotations(objects: readonly Obj[], annotations: Readonly<Record<string, string>>): Obj[] {
  if (Object.keys(annotations).length === 0) return [...objects];
  const add = (old: unknown): unknown => ({ ...(old as Tree | undefined), ...annotations });
  return objects.map((object) => {
    const next = change(object, ["metadata", "annotations"], add, true);
    if (workloads.has(object.kind)) return change(next, ["spec", "template", "metadata", "annotations"], add, true);
    return object.kind === "CronJob"
      ? change(next, ["spec", "jobTemplate", "spec", "template", "metadata", "annotations"], add, true)
      : next;
  });
}

export function addNames(objects: readonly Obj[], prefix: string, suffix: string): Obj[] {
  if (prefix === "" && suffix === "") return [...objects];
  return objects.map((object) =>
    ["Namespace", "CustomResourceDefinition", "APIService"].includes(object.kind)
      ? object
      : { ...object, metadata: { ...object.metadata, name: `${prefix}${object.metadata.name}${suffix}` } },
  );
}

/** Which fields name objects of a kind: the field's name, and where several kinds are possible, its neighbour. */
const references: Readonly<Record<string, readonly (readonly [parent: string, field: string])[]>> = {
  ConfigMap: [
    ["configMap", "name"],
    ["configMapKeyRef", "name"],
    ["configMapRef", "name"],
  ],
  Secret: [
    ["secret", "secretName"],
    ["secret", "name"],
    ["secretKeyRef", "name"],
    ["secretRef", "name"],
    ["imagePullSecrets", "name"],
    ["tls", "secretName"],
    ["secrets", "name"],
  ],
  PersistentVolumeClaim: [["persistentVolumeClaim", "claimName"]],
  Service: [
    ["service", "name"],
    ["spec", "serviceName"],
    ["backend", "serviceName"],
  ],
  PersistentVolume: [["spec", "volumeName"]],
  StorageClass: [["*", "storageClassName"]],
  PriorityClass: [["*", "priorityClassName"]],
  IngressClass: [["spec", "ingressClassName"]],
  ServiceAccount: [
    ["spec", "serviceAccountName"],
    ["spec", "serviceAccount"],
  ],
};

/** What refers to an object by a name that it had takes the name it has. */
export function renameReferences(list: readonly Res[]): Res[] {
  const walk = (value: unknown, parent: string): unknown => {
    if (Array.isArray(value)) return value.map((item) => walk(item, parent));
    if (!isTree(value)) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => {
        if (typeof inner !== "string") return [key, walk(inner, key)];
        for (const [kind, fields] of Object.entries(references))
          if (fields.some(([holder, field]) => (holder === parent || holder === "*") && field === key)) {
            const next = newName(list, kind, inner);
            if (next !== inner) return [key, next];
          }
        if (key === "name" && ["roleRef", "subjects", "scaleTargetRef", "dataSource"].includes(parent))
          return [key, newName(list, String(value["kind"]), inner)];
        return [key, inner];
      }),
    );
  };
  if (list.every(({ former }) => former.length === 1)) return [...list];
  return through(list, (objects) =>
    objects.map((object) => {
      const { metadata, ...rest } = object;
      return { ...(walk(rest, "") as Obj), metadata };
    }),
  );
}

export function setImages(objects: readonly Obj[], images: readonly Image[]): Obj[] {
  if (images.length === 0) return [...objects];
  const walk = (value: unknown, key: string): unknown => {
    if (Array.isArray(value))
      return value.map((item) =>
        ["containers", "initContainers"].includes(key) && isTree(item) && typeof item["image"] === "string"
          ? { ...item, image: newImage(item["image"], images) }
          : walk(item, key),
      );
    if (!isTree(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, walk(inner, name)]));
  };
  return objects.map((object) => walk(object, "") as Obj);
}

export function newImage(image: string, images: readonly Image[]): string {
  const [, name = image, tag = ""] = /^(.*?)(:[^/:@]*|@.*|:[^/:@]*@.*)?$/.exec(image) ?? [];
  const wanted = images.find((each) => each.name === name);
  if (wanted === undefined) return image;
  const base = wanted.newName ?? name;
  if (wanted.tagSuffix !== undefined && wanted.newTag === undefined && wanted.digest === undefined)
    return `${base}${tag}${wanted.tagSuffix}`;
  if (wanted.digest !== undefined) return `${base}@${wanted.digest}`;
  return wanted.newTag === undefined ? `${base}${tag}` : `${base}:${wanted.newTag}`;
}

/** By any name that an object has had. */
export function setReplicas(
  list: readonly Res[],
  replicas: readonly { readonly name: string; readonly count: number }[],
): Res[] {
  return list.flatMap((res) => {
    const { object, former } = res;
    const wanted = replicas.find(({ name }) => [object.metadata, ...former].some((id) => id.name === name));
    if (
      wanted === undefined ||
      !["Deployment", "ReplicaSet", "StatefulSet", "ReplicationController"].includes(object.kind)
    )
      return [res];
    return through([res], ([own]) => [change(own as Obj, ["spec", "replicas"], () => wanted.count, true)]);
  });
}
