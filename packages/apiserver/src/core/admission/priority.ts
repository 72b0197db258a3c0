// Turns a pod's priority class into its number, once, when it is created. Kubernetes' `plugin/pkg/admission/priority`.
import type { ApiObject } from "@coxswain/apimachinery";
import type { Pod } from "@coxswain/api/core/v1";
import type { PriorityClass } from "@coxswain/api/scheduling/v1";
import type { AdmissionAttributes, AdmissionPlugin, ObjectReader } from "../request.ts";
import { concerns, refusal } from "./refusal.ts";

const group = "scheduling.k8s.io";
const classes = { group, resource: "priorityclasses" };
type Policy = NonNullable<PriorityClass["preemptionPolicy"]>;

/** The two classes every cluster has, known here before anything has been read. */
const systemClasses: readonly PriorityClass[] = [
  systemClass(
    "system-node-critical",
    2_000_001_000,
    "Used for system critical pods that must not be moved from their current node.",
  ),
  systemClass(
    "system-cluster-critical",
    2_000_000_000,
    "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
  ),
];

export function createPriorityAdmission(reader: ObjectReader): AdmissionPlugin {
  const view = reader.view(classes);
  return {
    name: "Priority",
    handles: (attributes) =>
      concerns(attributes, "", "pods", "CREATE", "UPDATE") ||
      concerns(attributes, group, "priorityclasses", "CREATE", "UPDATE"),
    async admit(attributes) {
      if (attributes.resource.resource !== "pods") return undefined;
      return attributes.operation === "CREATE" ? resolved(attributes) : kept(attributes);
    },
    validate(attributes) {
      if (attributes.resource.resource !== "priorityclasses") return;
      const after = attributes.object as PriorityClass;
      const other = defaultClass();
      if (after.globalDefault === true && other !== undefined && other.metadata.name !== after.metadata.name) {
        throw refusal(
          attributes,
          `PriorityClass ${other.metadata.name} is already marked as default. Only one default can exist`,
        );
      }
    },
  };

  async function resolved(attributes: AdmissionAttributes): Promise<ApiObject | undefined> {
    const pod = attributes.object as Pod;
    const { spec } = pod;
    if (spec === undefined) return undefined;
    const name = spec.priorityClassName ?? "";
    let found: PriorityClass | undefined;
    if (name === "") found = defaultClass();
    else {
      found = (view.get("", name) ??
        systemClasses.find(({ metadata }) => metadata.name === name) ??
        (await reader.read(classes, "", name))) as PriorityClass | undefined;
      if (found === undefined) throw refusal(attributes, `no PriorityClass with name ${name} was found`);
    }
    const priority = found?.value ?? 0;
    const policy: Policy = found?.preemptionPolicy ?? "PreemptLowerPriority";
    if (spec.priority !== undefined && spec.priority !== priority) {
      throw refusal(
        attributes,
        `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${priority} from the given PriorityClass name`,
      );
    }
    if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== policy) {
      throw refusal(
        attributes,
        `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${policy} from the given PriorityClass name`,
      );
    }
    const className = found === undefined ? {} : { priorityClassName: found.metadata.name };
    return { ...pod, spec: { ...spec, ...className, priority, preemptionPolicy: policy } } as ApiObject;
  }

  function defaultClass(): PriorityClass | undefined {
    let lowest: PriorityClass | undefined;
    for (const object of view.list()) {
      const candidate = object as PriorityClass;
      if (candidate.globalDefault === true && (lowest === undefined || (candidate.value ?? 0) < (lowest.value ?? 0)))
        lowest = candidate;
    }
    return lowest;
  }
}

/** An update that leaves the numbers out means "as they are". */
function kept(attributes: AdmissionAttributes): ApiObject | undefined {
  const pod = attributes.object as Pod;
  const before = (attributes.oldObject as Pod | undefined)?.spec;
  const { spec } = pod;
  if (spec === undefined || before === undefined) return undefined;
  const priority = spec.priority ?? before.priority;
  const preemptionPolicy = spec.preemptionPolicy ?? before.preemptionPolicy;
  if (priority === spec.priority && preemptionPolicy === spec.preemptionPolicy) return undefined;
  return { ...pod, spec: { ...spec, priority, preemptionPolicy } } as ApiObject;
}

function systemClass(name: string, value: number, description: string): PriorityClass {
  return {
    apiVersion: "scheduling.k8s.io/v1",
    kind: "PriorityClass",
    metadata: { name },
    value,
    description,
    preemptionPolicy: "PreemptLowerPriority",
  };
}
