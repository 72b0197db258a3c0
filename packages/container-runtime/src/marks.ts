// The labels and names by which our containers are known again after a restart. What lacks our cluster's mark is
// never listed and never touched.
import type { Labels } from "./runtime.ts";

export const marks = {
  cluster: "coxswain.io/cluster",
  kind: "coxswain.io/kind",
  podUid: "io.kubernetes.pod.uid",
  podName: "io.kubernetes.pod.name",
  podNamespace: "io.kubernetes.pod.namespace",
  containerName: "io.kubernetes.container.name",
  /** Put on every container by the runtime: the id of the sandbox it joined. */
  sandboxId: "coxswain.io/sandbox-id",
} as const;

/** `k8s_<container>_<pod>_<namespace>_<uid>_<attempt>`; the sandbox is called POD. */
export function containerName(part: {
  readonly container: string;
  readonly pod: string;
  readonly namespace: string;
  readonly uid: string;
  readonly attempt: number;
}): string {
  return ["k8s", part.container, part.pod, part.namespace, part.uid, String(part.attempt)].join("_");
}

export function kindOf(labels: Labels): "sandbox" | "container" | undefined {
  const kind = labels[marks.kind];
  return kind === "sandbox" || kind === "container" ? kind : undefined;
}
