/** Walks the containers of a pod in Kubernetes' order: init containers, containers, ephemeral ones. */
import type { DeepReadonly } from "@coxswain/apimachinery";
import type { Container, PodSpec } from "../types.ts";

export function eachContainer(
  spec: DeepReadonly<PodSpec>,
  path: string,
  visit: (container: DeepReadonly<Container>, path: string) => void,
): void {
  for (const list of ["initContainers", "containers", "ephemeralContainers"] as const)
    for (const [index, container] of (spec[list] ?? []).entries()) visit(container, `${path}.${list}[${index}]`);
}
