/** Defaults of ingress classes: parameters are the cluster's. */
import { fill } from "../../../fill.ts";
import type { IngressClass } from "../types.ts";

export function defaultIngressClass(ingressClass: IngressClass): void {
  const parameters = ingressClass.spec?.parameters;
  if (parameters !== undefined) fill(parameters, { scope: "Cluster" });
}
