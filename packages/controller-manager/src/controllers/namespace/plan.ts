// What a namespace that is being deleted still holds, as its conditions say it, in Kubernetes' words.
import type { NamespaceCondition } from "@coxswain/api/core/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { rfc3339 } from "@coxswain/clock";

export interface Remains {
  /** "pods." or "widgets.example.com" → how many are left. */
  readonly resources: ReadonlyMap<string, number>;
  /** Finalizer → on how many objects. */
  readonly finalizers: ReadonlyMap<string, number>;
  readonly discoveryFailures: readonly string[];
  readonly deletionFailures: readonly string[];
}

/** Nothing holds the namespace any more. */
export const isEmpty = (remains: Remains): boolean =>
  remains.resources.size === 0 && remains.discoveryFailures.length === 0 && remains.deletionFailures.length === 0;

export function namespaceConditions(
  remains: Remains,
  before: DeepReadonly<readonly NamespaceCondition[]>,
  nowMs: number,
): readonly NamespaceCondition[] {
  const { resources, finalizers, discoveryFailures, deletionFailures } = remains;
  const say = (map: ReadonlyMap<string, number>, text: (name: string, count: number) => string): string =>
    [...map]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, count]) => text(name, count))
      .join(", ");
  const facts: readonly (readonly [
    type: string,
    bad: boolean,
    reasons: readonly [string, string],
    messages: readonly [string, string],
  ])[] = [
    [
      "NamespaceDeletionDiscoveryFailure",
      discoveryFailures.length > 0,
      ["DiscoveryFailed", "ResourcesDiscovered"],
      [
        `Discovery failed for some groups, ${discoveryFailures.length} failing: ${discoveryFailures.join(", ")}`,
        "All resources successfully discovered",
      ],
    ],
    [
      "NamespaceDeletionGroupVersionParsingFailure",
      false,
      ["GroupVersionParsingFailed", "ParsedGroupVersions"],
      ["", "All legacy kube types successfully parsed"],
    ],
    [
      "NamespaceDeletionContentFailure",
      deletionFailures.length > 0,
      ["ContentDeletionFailed", "ContentDeleted"],
      [
        `Failed to delete all resource types, ${deletionFailures.length} remaining: ${deletionFailures.join(", ")}`,
        "All content successfully deleted, may be waiting on finalization",
      ],
    ],
    [
      "NamespaceContentRemaining",
      resources.size > 0,
      ["SomeResourcesRemain", "ContentRemoved"],
      [
        `Some resources are remaining: ${say(resources, (name, count) => `${name} has ${count} resource instances`)}`,
        "All content successfully removed",
      ],
    ],
    [
      "NamespaceFinalizersRemaining",
      finalizers.size > 0,
      ["SomeFinalizersRemain", "ContentHasNoFinalizers"],
      [
        `Some content in the namespace has finalizers remaining: ${say(finalizers, (name, count) => `${name} in ${count} resource instances`)}`,
        "All content-preserving finalizers finished",
      ],
    ],
  ];
  return facts.map(([type, bad, reasons, messages]) => {
    const status = bad ? "True" : "False";
    const old = before.find((condition) => condition.type === type);
    const lastTransitionTime = old?.status === status ? old.lastTransitionTime : rfc3339(nowMs);
    return { type, status, reason: reasons[bad ? 0 : 1], message: messages[bad ? 0 : 1], lastTransitionTime };
  });
}
