// Where objects lie in the store: Kubernetes' own layout, so that a store can be read with Kubernetes' habits and tools.

const special: ReadonlyMap<string, string> = new Map([
  ["/services", "services/specs"],
  ["/endpoints", "services/endpoints"],
  ["/nodes", "minions"],
  ["/replicationcontrollers", "controllers"],
  ["networking.k8s.io/ingresses", "ingress"],
  ["apiextensions.k8s.io/customresourcedefinitions", "apiextensions.k8s.io/customresourcedefinitions"],
  ["apiregistration.k8s.io/apiservices", "apiregistration.k8s.io/apiservices"],
]);

/** "/registry/pods/": every key of the resource begins with it. */
export function resourcePrefix(of: { readonly group: string; readonly resource: string }): string {
  return `/registry/${special.get(`${of.group}/${of.resource}`) ?? of.resource}/`;
}

/** The prefix of a namespace's objects; of all objects when the namespace is "". */
export function namespacePrefix(prefix: string, namespace: string): string {
  return namespace === "" ? prefix : `${prefix}${namespace}/`;
}

/** The key of one object. */
export function objectKeyIn(prefix: string, namespace: string, name: string): string {
  return `${namespacePrefix(prefix, namespace)}${name}`;
}
