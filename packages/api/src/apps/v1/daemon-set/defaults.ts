/** Defaults of daemon sets. */
import type { DaemonSet } from "../types.ts";
import { fill, fillText } from "../../../fill.ts";
import { defaultPodTemplate } from "../../../core/v1/pod/defaults.ts";

const templateGeneration = "deprecated.daemonset.template.generation";

export function defaultDaemonSet(set: DaemonSet): void {
  // Every daemon set has it, so whoever makes one owns it; the server counts in it.
  set.metadata.annotations = { [templateGeneration]: "0", ...set.metadata.annotations };
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
