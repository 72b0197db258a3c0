// A node that registers is not ready until the node controller has seen that it is. Kubernetes' plugin of the same name.
import type { ApiObject } from "@coxswain/apimachinery";
import type { Node } from "@coxswain/api/core/v1";
import type { AdmissionPlugin } from "../request.ts";
import { concerns } from "./refusal.ts";

const notReady = { key: "node.kubernetes.io/not-ready", effect: "NoSchedule" } as const;

export const taintNodesByCondition: AdmissionPlugin = {
  name: "TaintNodesByCondition",
  handles: (attributes) => concerns(attributes, "", "nodes", "CREATE"),
  admit(attributes) {
    const node = attributes.object as Node;
    const taints = node.spec?.taints ?? [];
    if (taints.some((taint) => taint.key === notReady.key && taint.effect === notReady.effect)) return undefined;
    return { ...node, spec: { ...node.spec, taints: [...taints, { ...notReady }] } } as ApiObject;
  },
};
