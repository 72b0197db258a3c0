// Chooses who explains a kind.
import { str, part } from "../describe/page.ts";
import type { Obj } from "../resource/api.ts";
import type { Answer } from "./answer.ts";
import { whyClaim, whyNamespace, whyNode, whyOther } from "./cluster.ts";
import type { Facts } from "./facts.ts";
import { rejectedCause } from "./pending.ts";
import { whyPod } from "./pod.ts";
import { whyService } from "./service.ts";
import { whyWorkload } from "./workload.ts";

type Explainer = (facts: Facts, object: Obj) => Promise<Omit<Answer, "object" | "namespace">>;

const explainers: Readonly<Record<string, Explainer>> = {
  Pod: whyPod,
  Deployment: whyWorkload,
  ReplicaSet: whyWorkload,
  ReplicationController: whyWorkload,
  StatefulSet: whyWorkload,
  DaemonSet: whyWorkload,
  Job: whyWorkload,
  Service: whyService,
  Namespace: whyNamespace,
  Node: whyNode,
  PersistentVolumeClaim: whyClaim,
};

export async function why(facts: Facts, object: Obj): Promise<Answer> {
  const { name, namespace, deletionTimestamp } = object.metadata;
  const own = explainers[object.kind];
  const going = deletionTimestamp !== undefined && !["Pod", "Namespace"].includes(object.kind);
  const explain = own === undefined || going ? whyOther : own;
  return { object: `${object.kind.toLowerCase()}/${name}`, namespace, ...(await explain(facts, object)) };
}

/** Asks the scheduler in favour of a pod that has a node, too. */
export async function whyThisNode(facts: Facts, pod: Obj): Promise<Answer["because"]> {
  const node = str(part(pod["spec"])["nodeName"]);
  const decision = node === "" ? undefined : await facts.decision(pod);
  if (decision?.node !== node) return [];
  return [
    {
      object: `node/${node}`,
      says: decision.because,
      source: `scheduler's decision, attempt ${decision.attempt}`,
      since: decision.time,
      because: decision.rejected.map(rejectedCause),
    },
  ];
}
