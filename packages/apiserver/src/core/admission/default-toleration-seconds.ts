// A pod stays for a while (five minutes, if nothing is said) on a node that stopped answering, unless it says otherwise. Kubernetes' plugin of
// the same name.
import type { ApiObject } from "@coxswain/apimachinery";
import type { Pod } from "@coxswain/api/core/v1";
import type { AdmissionPlugin } from "../request.ts";
import { concerns } from "./refusal.ts";

export interface DefaultTolerations {
  /** `--default-not-ready-toleration-seconds`. */
  readonly notReadySeconds: number;
  /** `--default-unreachable-toleration-seconds`. */
  readonly unreachableSeconds: number;
}

export function createDefaultTolerationSeconds(config: DefaultTolerations): AdmissionPlugin {
  const defaults = [
    { key: "node.kubernetes.io/not-ready", seconds: config.notReadySeconds },
    { key: "node.kubernetes.io/unreachable", seconds: config.unreachableSeconds },
  ];
  return {
    name: "DefaultTolerationSeconds",
    handles: (attributes) => concerns(attributes, "", "pods", "CREATE", "UPDATE"),
    admit(attributes) {
      const pod = attributes.object as Pod;
      const tolerations = pod.spec?.tolerations ?? [];
      const missing = defaults.filter(
        ({ key }) =>
          !tolerations.some((toleration) => {
            const sameKey = toleration.key === key || (toleration.key ?? "") === "";
            return sameKey && (toleration.effect === "NoExecute" || (toleration.effect ?? "") === "");
          }),
      );
      if (missing.length === 0 || pod.spec === undefined) return undefined;
      const added = missing.map(({ key, seconds }) => ({
        ...{ key, operator: "Exists", effect: "NoExecute" },
        tolerationSeconds: seconds,
      }));
      return { ...pod, spec: { ...pod.spec, tolerations: [...tolerations, ...added] } } as ApiObject;
    },
  };
}
