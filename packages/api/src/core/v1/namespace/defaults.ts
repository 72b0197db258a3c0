/** Defaults of namespaces: every one carries its name as a label, so that selectors can name it. */
import type { Namespace } from "../types.ts";

export function defaultNamespace(namespace: Namespace): void {
  const { metadata } = namespace;
  if (metadata.name !== undefined && metadata.name !== "")
    metadata.labels = { ...metadata.labels, "kubernetes.io/metadata.name": metadata.name };
}
