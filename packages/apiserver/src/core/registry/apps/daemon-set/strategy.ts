// Daemon sets: generations, and one more number for the template alone, which lives on in an annotation. Nobody else sets it.
import { jsonEqual } from "@coxswain/apimachinery";
import type { ApiObject } from "@coxswain/apimachinery";
import { memberOf } from "../../strategy.ts";
import type { Loose, Strategy } from "../../strategy.ts";

const annotation = "deprecated.daemonset.template.generation";

export const daemonSetStrategy: Strategy = {
  countsGenerations: true,
  prepareForCreate(set) {
    count(set, Math.max(1, counted(set)));
  },
  prepareForUpdate(set, old) {
    const isChanged = !jsonEqual(templateOf(set), templateOf(old));
    count(set, Math.max(1, counted(old)) + (isChanged ? 1 : 0));
  },
  prepareForStatusUpdate(set, old) {
    count(set, Math.max(1, counted(old)));
  },
};

function templateOf(set: ApiObject): unknown {
  return memberOf((set as Loose)["spec"], "template");
}

function counted({ metadata }: ApiObject): number {
  const text = metadata.annotations?.[annotation] ?? "";
  return /^\d{1,15}$/.test(text) ? Number(text) : 0;
}

function count({ metadata }: ApiObject, generation: number): void {
  metadata.annotations = { ...metadata.annotations, [annotation]: String(generation) };
}
