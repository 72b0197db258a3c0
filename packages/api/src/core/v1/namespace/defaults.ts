/** Defaults of namespaces: every one carries its name as a label, so that selectors can name it. */
import type { Namespace } from "../types.ts";
import { fillText } from "../../../fill.ts";

export function defaultNamespace(namespace: Namespace): void {
  const { metadata } = namespace;
  namespace.status ??= {};
  fillText(namespace.status, { phase: "Active" });
  if (metadata.name !== undefined && metadata.name !== "")
    metadata.labels = { ...metadata.labels, "kubernetes.io/metadata.name": metadata.name };
}
