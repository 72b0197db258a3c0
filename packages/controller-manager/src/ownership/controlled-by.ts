// Whom a change of something owned concerns: the key of its controller, if that is of the kind.
import type { ApiObject, DeepReadonly } from "@coxswain/apimachinery";

export function controlledBy(kind: string, { metadata }: DeepReadonly<ApiObject>): readonly string[] {
  const controller = metadata.ownerReferences?.find((reference) => reference.controller);
  return controller?.kind === kind ? [`${metadata.namespace ?? ""}/${controller.name}`] : [];
}

export const isControlled = ({ metadata }: DeepReadonly<ApiObject>): boolean =>
  metadata.ownerReferences?.some((reference) => reference.controller) ?? false;
