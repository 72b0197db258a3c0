/** Defaults of deployments. */
import type { Deployment } from "../types.ts";
import { fill, fillText } from "../../../fill.ts";
import { defaultPodTemplate } from "../../../core/v1/pod/defaults.ts";

export function defaultDeployment(deployment: Deployment): void {
  const { spec } = deployment;
  if (spec === undefined) return;
  fill(spec, { replicas: 1, revisionHistoryLimit: 10, progressDeadlineSeconds: 600, strategy: {} });
  const strategy = spec.strategy ?? {};
  fillText(strategy, { type: "RollingUpdate" });
  if (strategy.type === "RollingUpdate") {
    strategy.rollingUpdate ??= {};
    fill(strategy.rollingUpdate, { maxUnavailable: "25%", maxSurge: "25%" });
  }
  defaultPodTemplate(spec.template);
}
