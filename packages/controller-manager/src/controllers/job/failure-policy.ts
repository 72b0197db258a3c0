// What a Job's pod failure policy says about one failed pod: the first rule that matches decides.
import type { Job } from "@coxswain/api/batch/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";
import type { ReadonlyPod } from "../../pods/state.ts";

export type FailureVerdict =
  | { readonly kind: "count" }
  | { readonly kind: "ignore" }
  | { readonly kind: "fail-job"; readonly message: string }
  | { readonly kind: "fail-index" };

export function judgeFailure(job: DeepReadonly<Job>, pod: ReadonlyPod): FailureVerdict {
  const statuses = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])];
  for (const [index, rule] of (job.spec?.podFailurePolicy?.rules ?? []).entries()) {
    const { onExitCodes, onPodConditions } = rule;
    const byExit =
      onExitCodes &&
      statuses.find((status) => {
        const code = status.state?.terminated?.exitCode;
        if (code === undefined || code === 0) return false;
        if (onExitCodes.containerName && onExitCodes.containerName !== status.name) return false;
        return onExitCodes.values.includes(code) === (onExitCodes.operator === "In");
      });
    const byCondition = onPodConditions?.find((pattern) =>
      pod.status?.conditions?.some(
        (condition) => condition.type === pattern.type && condition.status === (pattern.status ?? "True"),
      ),
    );
    if (byExit === undefined && byCondition === undefined) continue;
    const what = byExit
      ? `Container ${byExit.name} for pod ${pod.metadata.namespace}/${pod.metadata.name} failed with exit code ${byExit.state?.terminated?.exitCode} matching ${rule.action} rule at index ${index}`
      : `Pod ${pod.metadata.namespace}/${pod.metadata.name} has condition ${byCondition?.type} matching ${rule.action} rule at index ${index}`;
    switch (rule.action) {
      case "FailJob":
        return { kind: "fail-job", message: what };
      case "Ignore":
        return { kind: "ignore" };
      case "FailIndex":
        return { kind: "fail-index" };
      default:
        return { kind: "count" };
    }
  }
  return { kind: "count" };
}
