// Which ConfigMaps and Secrets a pod template reads: as volumes, as environment. What a registry asks for is not configuration.
import type { PodTemplateSpec } from "@coxswain/api/core/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";

export type Source = "ConfigMap" | "Secret";

/** "ConfigMap/settings", sorted, each once. */
export function referencesOf(template: DeepReadonly<PodTemplateSpec> | undefined): readonly string[] {
  const { volumes = [], containers = [], initContainers = [] } = template?.spec ?? {};
  const found = new Set<string>();
  const add = (kind: Source, name: string | undefined): void => {
    if (name !== undefined && name !== "") found.add(`${kind}/${name}`);
  };
  for (const volume of volumes) {
    add("ConfigMap", volume.configMap?.name);
    add("Secret", volume.secret?.secretName);
    for (const source of volume.projected?.sources ?? []) {
      add("ConfigMap", source.configMap?.name);
      add("Secret", source.secret?.name);
    }
  }
  for (const { env = [], envFrom = [] } of [...containers, ...initContainers]) {
    for (const { valueFrom } of env) {
      add("ConfigMap", valueFrom?.configMapKeyRef?.name);
      add("Secret", valueFrom?.secretKeyRef?.name);
    }
    for (const source of envFrom) {
      add("ConfigMap", source.configMapRef?.name);
      add("Secret", source.secretRef?.name);
    }
  }
  return [...found].toSorted();
}
