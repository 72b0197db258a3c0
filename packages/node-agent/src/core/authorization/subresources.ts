// What a request to the agent's server asks of the node, in the API's words: the subresources of `nodes` of which one must
// be allowed, and the verb. The same paths as the kubelet's `GetRequestAttributes`, with its fine-grained rights.

export interface NodeAccess {
  /** Tried in order; one is enough. */
  readonly subresources: readonly string[];
  readonly verb: string;
}

const single: readonly (readonly [string, string])[] = [
  ["/stats", "stats"],
  ["/metrics", "metrics"],
  ["/logs", "log"],
  ["/checkpoint", "checkpoint"],
];
const fineGrained: readonly (readonly [string, string])[] = [
  ["/pods", "pods"],
  ["/runningpods", "pods"],
  ["/healthz", "healthz"],
  ["/configz", "configz"],
];
const verbs: Readonly<Record<string, string>> = {
  POST: "create",
  GET: "get",
  PUT: "update",
  PATCH: "patch",
  DELETE: "delete",
};

export function accessOf(method: string, path: string): NodeAccess {
  const verb = verbs[method] ?? "";
  const isUnder = ([root]: readonly [string, string]): boolean => path === root || path.startsWith(`${root}/`);
  const only = single.find(isUnder);
  if (only) return { verb, subresources: [only[1]] };
  const fine = fineGrained.find(isUnder);
  return { verb, subresources: fine ? [fine[1], "proxy"] : ["proxy"] };
}

/** The kubelet's sentence. */
export function forbiddenText(user: string, { verb, subresources }: NodeAccess): string {
  return `Forbidden (user=${user}, verb=${verb}, resource=nodes, subresource(s)=[${subresources.join(" ")}])\n`;
}
