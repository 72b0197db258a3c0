// A workload that wants it wakes when it changes, and when a ConfigMap or Secret changes that its template reads.
import type { ApiObject } from "@coxswain/apimachinery";
import { objectKey } from "@coxswain/apimachinery";
import type { Informer } from "@coxswain/controller";
import { wakeOn } from "../../loop/controller.ts";
import type { Watch } from "../../loop/controller.ts";
import { wantsReload } from "./plan.ts";
import type { Workload } from "./plan.ts";
import { referencesOf } from "./references.ts";
import type { Source } from "./references.ts";

export type WorkloadKind = "Deployment" | "StatefulSet" | "DaemonSet";

export interface Workloads {
  readonly kind: WorkloadKind;
  list(): readonly Workload[];
  get(key: string): Workload | undefined;
}

/** Keys are "kind namespace/name". */
export const keyOf = (kind: WorkloadKind, workload: Workload): string => `${kind} ${objectKey(workload)}`;

export function reloadWatches(
  workloads: readonly {
    readonly of: Workloads;
    readonly watch: (keysOf: (workload: Workload) => readonly string[]) => Watch;
  }[],
  sources: Readonly<Record<Source, Informer<ApiObject>>>,
): readonly Watch[] {
  const readers = (reference: string, namespace: string | undefined): readonly string[] =>
    workloads.flatMap(({ of }) =>
      of
        .list()
        .filter((one) => one.metadata.namespace === namespace && wantsReload(one))
        .filter((one) => referencesOf(one.spec?.template).includes(reference))
        .map((one) => keyOf(of.kind, one)),
    );
  const sourceWatch = (kind: Source): Watch =>
    wakeOn(sources[kind], ({ metadata }) => readers(`${kind}/${metadata.name}`, metadata.namespace));
  return [
    ...workloads.map(({ of, watch }) => watch((one) => (wantsReload(one) ? [keyOf(of.kind, one)] : []))),
    sourceWatch("ConfigMap"),
    sourceWatch("Secret"),
  ];
}
