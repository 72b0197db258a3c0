/** What is allowed in a pod but probably not meant, in Kubernetes' words; the text of `Warning` headers. */
import { type DeepReadonly, type ObjectMeta, quantityMillis } from "@coxswain/apimachinery";
import { labelDeprecation, nodeTermWarnings } from "../node/label-warnings.ts";
import type { Container, EnvVar, PodAffinity, PodSpec } from "../types.ts";
import { eachContainer } from "./each-container.ts";
import { portWarnings } from "./port-warnings.ts";
import { volumeWarnings } from "./volume-warnings.ts";

type Spec = DeepReadonly<PodSpec>;
type Meta = DeepReadonly<Partial<ObjectMeta>>;

/** Warnings of a pod, or of a pod template whose path ("spec.template") is `root`. */
export function podWarnings(spec: Spec, metadata: Meta, root = ""): string[] {
  const at = (path: string): string => (root === "" ? path : `${root}.${path}`);
  return [
    ...nodeLabelWarnings(spec, at("spec")),
    ...annotationWarnings(metadata, at("metadata.annotations")),
    ...volumeWarnings(spec, at("spec.volumes")),
    ...repeated(spec.hostAliases ?? [], ({ ip }) => ip, "ip", at("spec.hostAliases")),
    ...repeated(spec.imagePullSecrets ?? [], ({ name }) => name ?? "", "name", at("spec.imagePullSecrets")),
    ...(spec.imagePullSecrets ?? []).flatMap(({ name }, index) =>
      name ? [] : [`${at("spec.imagePullSecrets")}[${index}].name: invalid empty name ""`],
    ),
    ...fractions(spec.overhead, at("spec.overhead")),
    ...profileWarnings(spec, metadata, at("metadata.annotations"), at("spec"), root !== ""),
    ...portWarnings(spec, at("spec")),
    ...((spec.terminationGracePeriodSeconds ?? 0) < 0
      ? [
          `${at("spec.terminationGracePeriodSeconds")}: must be >= 0; negative values are invalid and will be treated as 1`,
        ]
      : []),
    ...affinityWarnings(spec.affinity?.podAffinity, at("spec.affinity.podAffinity")),
    ...affinityWarnings(spec.affinity?.podAntiAffinity, at("spec.affinity.podAntiAffinity")),
  ];
}

const nullSelector = "a null labelSelector results in matching no pod";

function nodeLabelWarnings(spec: Spec, path: string): string[] {
  const node = spec.affinity?.nodeAffinity;
  const prefix = `${path}.affinity.nodeAffinity`;
  return [
    ...Object.keys(spec.nodeSelector ?? {}).flatMap((key) => {
      const why = labelDeprecation(key);
      return why === undefined ? [] : [`${path}.nodeSelector[${key}]: ${why}`];
    }),
    ...(node?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? []).flatMap((term, index) =>
      nodeTermWarnings(term, `${prefix}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[${index}]`),
    ),
    ...(node?.preferredDuringSchedulingIgnoredDuringExecution ?? []).flatMap(({ preference }, index) =>
      nodeTermWarnings(preference, `${prefix}.preferredDuringSchedulingIgnoredDuringExecution[${index}].preference`),
    ),
    ...(spec.topologySpreadConstraints ?? []).flatMap(({ topologyKey, labelSelector }, index) => {
      const at = `${path}.topologySpreadConstraints[${index}]`;
      const why = labelDeprecation(topologyKey);
      return [
        ...(why === undefined ? [] : [`${at}.topologyKey: ${topologyKey} is ${why}`]),
        ...(labelSelector === undefined ? [`${at}.labelSelector: ${nullSelector}`] : []),
      ];
    }),
  ];
}

const deprecatedAnnotations: readonly (readonly [key: string, message: string])[] = [
  ["scheduler.alpha.kubernetes.io/critical-pod", 'non-functional in v1.16+; use the "priorityClassName" field instead'],
  ["security.alpha.kubernetes.io/sysctls", 'non-functional in v1.11+; use the "sysctls" field instead'],
  ["security.alpha.kubernetes.io/unsafe-sysctls", 'non-functional in v1.11+; use the "sysctls" field instead'],
];

function annotationWarnings({ annotations = {} }: Meta, path: string): string[] {
  return deprecatedAnnotations.flatMap(([key, message]) =>
    Object.hasOwn(annotations, key) ? [`${path}[${key}]: ${message}`] : [],
  );
}

function repeated<T>(list: readonly T[], keyOf: (item: T) => string, name: string, path: string): string[] {
  const seen = new Set<string>();
  return list.flatMap((item, index) => {
    const key = keyOf(item);
    if (seen.has(key)) return [`${path}[${index}].${name}: duplicate ${name} ${JSON.stringify(key)}`];
    seen.add(key);
    return [];
  });
}

function fractions(amounts: Readonly<Record<string, string>> | undefined, path: string): string[] {
  return ["memory", "ephemeral-storage"].flatMap((name) => {
    const amount = amounts?.[name];
    if (amount === undefined || Number.isInteger(quantityMillis(amount) / 1000)) return [];
    return [`${path}[${name}]: fractional byte value ${JSON.stringify(amount)} is invalid, must be an integer`];
  });
}

/** Annotations that were fields' forerunners, and what containers say twice. */
function profileWarnings(spec: Spec, meta: Meta, annotationsPath: string, path: string, isTemplate: boolean): string[] {
  const annotations = meta.annotations ?? {};
  const noField = (key: string): string[] =>
    Object.hasOwn(annotations, key)
      ? [`${annotationsPath}[${key}]: non-functional in v1.27+; use the "seccompProfile" field instead`]
      : [];
  const warnings = spec.securityContext?.seccompProfile ? [] : noField("seccomp.security.alpha.kubernetes.io/pod");
  eachContainer(spec, path, (container, at) => {
    if (!container.securityContext?.seccompProfile)
      warnings.push(...noField(`container.seccomp.security.alpha.kubernetes.io/${container.name}`));
    const armor = `container.apparmor.security.beta.kubernetes.io/${container.name}`;
    const hasArmor = spec.securityContext?.appArmorProfile ?? container.securityContext?.appArmorProfile;
    if (isTemplate && !hasArmor && Object.hasOwn(annotations, armor))
      warnings.push(`${annotationsPath}[${armor}]: deprecated since v1.30; use the "appArmorProfile" field instead`);
    warnings.push(...amountWarnings(container, at), ...environmentWarnings(container.env ?? [], at));
  });
  return warnings;
}

function amountWarnings({ resources }: DeepReadonly<Container>, path: string): string[] {
  return ["memory", "ephemeral-storage"].flatMap((name) =>
    (["limits", "requests"] as const).flatMap((which) => {
      const amount = resources?.[which]?.[name];
      return amount === undefined ? [] : fractions({ [name]: amount }, `${path}.resources.${which}`);
    }),
  );
}

function environmentWarnings(list: DeepReadonly<EnvVar[]>, path: string): string[] {
  const seen = new Set<string>();
  return list.flatMap(({ name, value = "", valueFrom }, index) => {
    const isAgain = seen.has(name);
    seen.add(name);
    const reference = `$(${name})`;
    if (!isAgain || (!valueFrom && value !== reference && value.includes(reference))) return [];
    return [
      `${path}.env[${index}]: hides previous definition of ${JSON.stringify(name)}, which may be dropped when using apply`,
    ];
  });
}

function affinityWarnings(affinity: DeepReadonly<PodAffinity> | undefined, path: string): string[] {
  return [
    ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).flatMap(({ labelSelector }, index) =>
      labelSelector
        ? []
        : [`${path}.requiredDuringSchedulingIgnoredDuringExecution[${index}].labelSelector: ${nullSelector}`],
    ),
    ...(affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).flatMap(({ podAffinityTerm }, index) =>
      podAffinityTerm.labelSelector
        ? []
        : [
            `${path}.preferredDuringSchedulingIgnoredDuringExecution[${index}].podAffinityTerm.labelSelector: ${nullSelector}`,
          ],
    ),
  ];
}
