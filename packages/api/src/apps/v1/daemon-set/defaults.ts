/** Defaults of daemon sets. */
import type { DaemonSet } from "../types.ts";
import { fill, fillText } from "../../../fill.ts";
import { defaultPodTemplate } from "../../../core/v1/pod/defaults.ts";

export function defaultDaemonSet(set: DaemonSet): void {
  const { spec } = set;
  if (spec === undefined) return;
  fill(spec, { updateStrategy: {}, revisionHistoryLimit: 10 });
  const strategy = spec.updateStrategy ?? {};
  fillText(strategy, { type: "RollingUpdate" });
  if (strategy.type === "RollingUpdate") {
    strategy.rollingUpdate ??= {};
    fill(strategy.rollingUpdate, { maxUnavailable: 1, maxSurge: 0 });
  }
  defaultPodTemplate(spec.template);
}
