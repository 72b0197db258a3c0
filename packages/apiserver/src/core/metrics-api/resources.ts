// The metrics API's two resources, as discovery and authorization see them. They are never stored.
import type { ResourceInfo } from "@coxswain/api";

export const metricsGroup = "metrics.k8s.io";
export const metricsVersion = "v1beta1";

const common = {
  group: metricsGroup,
  version: metricsVersion,
  folder: "",
  verbs: ["get", "list"],
  shortNames: [],
  categories: [],
  subresources: [],
};

export const metricsResources: readonly ResourceInfo[] = [
  { ...common, resource: "nodes", kind: "NodeMetrics", singular: "", namespaced: false },
  { ...common, resource: "pods", kind: "PodMetrics", singular: "", namespaced: true },
];

/** The same, as discovery takes them. */
export const metricsKinds = metricsResources.map((info) => ({ info, group: info.group, version: info.version }));
