// A pod stays five minutes on a node that stopped answering, unless it says otherwise. Kubernetes' plugin of the same name.
import type { ApiObject } from "@coxswain/apimachinery";
import type { Pod } from "@coxswain/api/core/v1";
import type { AdmissionPlugin } from "../request.ts";
import { concerns } from "./refusal.ts";

const seconds = 300;
const keys = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] as const;

export const defaultTolerationSeconds: AdmissionPlugin = {
  name: "DefaultTolerationSeconds",
  handles: (attributes) => concerns(attributes, "", "pods", "CREATE", "UPDATE"),
  admit(attributes) {
    const pod = attributes.object as Pod;
    const tolerations = pod.spec?.tolerations ?? [];
    const missing = keys.filter(
      (key) =>
        !tolerations.some((toleration) => {
          const sameKey = toleration.key === key || (toleration.key ?? "") === "";
          return sameKey && (toleration.effect === "NoExecute" || (toleration.effect ?? "") === "");
        }),
    );
    if (missing.length === 0 || pod.spec === undefined) return undefined;
    const added = missing.map((key) => ({ key, operator: "Exists", effect: "NoExecute", tolerationSeconds: seconds }));
    return { ...pod, spec: { ...pod.spec, tolerations: [...tolerations, ...added] } } as ApiObject;
  },
};
