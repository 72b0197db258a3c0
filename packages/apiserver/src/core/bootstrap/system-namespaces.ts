// The four namespaces that every cluster has, made at start and again should they ever be missing. Kubernetes' system namespaces controller.
import type { ApiObject } from "@coxswain/apimachinery";
import type { ObjectWriter } from "../request.ts";

const names = ["kube-system", "kube-public", "kube-node-lease", "default"] as const;

export async function bootstrapNamespaces(writer: ObjectWriter): Promise<void> {
  for (const name of names) await writer.createIfAbsent({ group: "", resource: "namespaces" }, systemNamespace(name));
}

function systemNamespace(name: string): ApiObject & { readonly spec: object; readonly status: object } {
  return {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name, labels: { "kubernetes.io/metadata.name": name } },
    spec: { finalizers: ["kubernetes"] },
    status: { phase: "Active" },
  };
}
