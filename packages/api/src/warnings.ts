/**
 * What Kubernetes says in `Warning` headers: kinds that are on their way out, and objects that are valid but probably not meant. Objects
 * must be decoded and defaulted.
 */
import { type ApiObject, type DeepReadonly, dnsLabelErrors, type GroupVersionKind } from "@coxswain/apimachinery";
import { nodeTermWarnings } from "./core/v1/node/label-warnings.ts";
import { claimSpecWarnings, claimWarnings, olderClassWarnings } from "./core/v1/persistent-volume-claim/warnings.ts";
import { podWarnings } from "./core/v1/pod/warnings.ts";
import { serviceWarnings } from "./core/v1/service/warnings.ts";
import type {
  PersistentVolume,
  PersistentVolumeClaim,
  PersistentVolumeClaimSpec,
  Pod,
  PodTemplateSpec,
  Service,
} from "./core/v1/types.ts";
import { schemaName } from "./scheme.ts";

const deprecatedKinds: Readonly<Record<string, string>> = {
  "core/v1.ComponentStatus": "v1 ComponentStatus is deprecated in v1.19+",
  "core/v1.Endpoints": "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
};

/** What every request for a kind is told. */
export function kindWarnings(type: GroupVersionKind): readonly string[] {
  const name = schemaName(type) ?? "";
  return Object.hasOwn(deprecatedKinds, name) ? [deprecatedKinds[name] ?? ""] : [];
}

/** What the writer of an object is told; `old` is what it replaces. */
export function objectWarnings(
  type: GroupVersionKind,
  object: DeepReadonly<ApiObject>,
  old?: DeepReadonly<ApiObject>,
): string[] {
  const name = schemaName(type) ?? "";
  // What was said of a template is not said again while it stays as it is.
  const { generation } = object.metadata;
  if (old && name !== "core/v1.Pod" && generation !== undefined && generation === old.metadata.generation) return [];
  return [...(old ? [] : nameWarnings(name, object.metadata.name)), ...(byKind[name]?.(object) ?? [])];
}

const usedInPods = "this is used in Pod names and hostnames";
const namesOfPods: Readonly<Record<string, string>> = {
  "core/v1.Pod": "this is used in the Pod's hostname",
  "core/v1.ReplicationController": usedInPods,
  "apps/v1.ReplicaSet": usedInPods,
  "apps/v1.Deployment": usedInPods,
  "batch/v1.Job": usedInPods,
  "batch/v1.CronJob": usedInPods,
};

function nameWarnings(kind: string, name: string): string[] {
  const use = namesOfPods[kind];
  const errors = use === undefined ? [] : dnsLabelErrors(name);
  if (errors.length === 0) return [];
  return [
    `metadata.name: ${use}, which can result in surprising behavior; a DNS label is recommended: [${errors.join(" ")}]`,
  ];
}

type Warn = (object: DeepReadonly<ApiObject>) => string[];

const ofTemplate: Warn = (object) => templateWarnings((object as WithTemplate).spec?.template, "spec.template");

const byKind: Readonly<Record<string, Warn>> = {
  "core/v1.Pod": (object) => {
    const { spec, metadata } = object as DeepReadonly<Pod>;
    return spec ? podWarnings(spec, metadata) : [];
  },
  "core/v1.PodTemplate": (object) =>
    templateWarnings((object as { readonly template?: DeepReadonly<PodTemplateSpec> }).template, "template"),
  "core/v1.ReplicationController": ofTemplate,
  "core/v1.Service": (object) => serviceWarnings(object as DeepReadonly<Service>),
  "core/v1.PersistentVolumeClaim": (object) => claimWarnings(object as DeepReadonly<PersistentVolumeClaim>),
  "core/v1.PersistentVolume": volumeWarnings,
  "apps/v1.Deployment": ofTemplate,
  "apps/v1.ReplicaSet": ofTemplate,
  "apps/v1.DaemonSet": ofTemplate,
  "apps/v1.StatefulSet": (object) => [
    ...ofTemplate(object),
    ...((object as WithTemplate).spec?.volumeClaimTemplates ?? []).flatMap(({ spec }, index) =>
      spec ? claimSpecWarnings(spec, `spec.volumeClaimTemplates[${index}].spec`) : [],
    ),
  ],
  "batch/v1.Job": ofTemplate,
  "batch/v1.CronJob": (object) =>
    templateWarnings(
      (object as { readonly spec?: { readonly jobTemplate?: WithTemplate } }).spec?.jobTemplate?.spec?.template,
      "spec.jobTemplate.spec.template",
    ),
};

interface WithTemplate {
  readonly spec?: {
    readonly template?: DeepReadonly<PodTemplateSpec>;
    readonly volumeClaimTemplates?: readonly { readonly spec?: DeepReadonly<PersistentVolumeClaimSpec> }[];
  };
}

function templateWarnings(template: DeepReadonly<PodTemplateSpec> | undefined, path: string): string[] {
  return template?.spec ? podWarnings(template.spec, template.metadata ?? {}, path) : [];
}

function volumeWarnings(object: DeepReadonly<ApiObject>): string[] {
  const { metadata, spec } = object as DeepReadonly<PersistentVolume>;
  return [
    ...olderClassWarnings(metadata.annotations),
    ...(spec?.persistentVolumeReclaimPolicy === "Recycle"
      ? [
          "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.",
        ]
      : []),
    ...(spec?.nodeAffinity?.required?.nodeSelectorTerms ?? []).flatMap((term, index) =>
      nodeTermWarnings(term, `spec.nodeAffinity.required.nodeSelectorTerms[${index}]`),
    ),
  ];
}
