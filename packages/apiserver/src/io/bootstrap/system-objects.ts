// What every cluster has from the first second: its namespaces, its priority classes, and the description of the service
// range. Created if absent, so that several apiservers may start at once.
import type { ApiObject } from "@coxswain/apimachinery";
import type { ObjectWriter } from "../../core/request.ts";

export const systemNamespaces = ["default", "kube-system", "kube-public", "kube-node-lease"] as const;

export async function createSystemObjects(objects: ObjectWriter, serviceRange: string): Promise<void> {
  for (const name of systemNamespaces) {
    const namespace: ApiObject = {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name, labels: { "kubernetes.io/metadata.name": name } },
    };
    await objects.createIfAbsent({ group: "", resource: "namespaces" }, namespace);
  }
  const classes = [
    {
      name: "system-node-critical",
      value: 2_000_001_000,
      description: "Used for system critical pods that must not be moved from their current node.",
    },
    {
      name: "system-cluster-critical",
      value: 2_000_000_000,
      description:
        "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
    },
  ];
  for (const { name, value, description } of classes) {
    const priorityClass = {
      apiVersion: "scheduling.k8s.io/v1",
      kind: "PriorityClass",
      metadata: { name },
      value,
      description,
      preemptionPolicy: "PreemptLowerPriority",
    };
    await objects.createIfAbsent({ group: "scheduling.k8s.io", resource: "priorityclasses" }, priorityClass);
  }
  const range = {
    apiVersion: "networking.k8s.io/v1",
    kind: "ServiceCIDR",
    metadata: { name: "kubernetes" },
    spec: { cidrs: [serviceRange] },
  };
  await objects.createIfAbsent({ group: "networking.k8s.io", resource: "servicecidrs" }, range);
}
