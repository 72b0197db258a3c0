// `create role`, `clusterrole`, `rolebinding`, `clusterrolebinding`: what may be done, and by whom.
import { array, slice, text } from "../args/common.ts";
import type { Args, Flags } from "../args/flags.ts";
import type { Command } from "../command.ts";
import { CommandError } from "../failure.ts";
import type { Mapper } from "../resource/mapper.ts";
import { creation, metadataOf, pairs } from "./creation.ts";
import { subjects } from "./subjects.ts";

const ruleFlags: Flags = {
  verb: slice("Verb that applies to the resources contained in the rule"),
  resource: slice("Resource that the rule applies to"),
  "resource-name": array("Resource in the white list that the rule applies to, repeat this flag for multiple items"),
};
/** A rule for each group. */
async function rules(args: Args, mapper: Mapper): Promise<unknown[]> {
  const wanted = [...new Set(args.list("verb"))];
  if (wanted.length === 0) throw new CommandError("at least one verb must be specified");
  const chosen = wanted.includes("*") ? ["*"] : wanted;
  const types = args.list("resource");
  if (types.length === 0) throw new CommandError("at least one resource must be specified");
  const names = args.list("resource-name");
  if (types.length > 1 && names.length > 0)
    throw new CommandError("resourceName(s) can not be applied if multiple resources are specified");
  const groups = new Map<string, string[]>();
  for (const type of types) {
    const [typed = "", subresource] = type.split("/");
    if (typed === "*") {
      groups.set("*", [...(groups.get("*") ?? []), "*"]);
      continue;
    }
    const descriptor = await mapper.find(typed);
    const resource = subresource === undefined ? descriptor.resource : `${descriptor.resource}/${subresource}`;
    const list = groups.get(descriptor.group) ?? [];
    if (!list.includes(resource)) groups.set(descriptor.group, [...list, resource]);
  }
  return [...groups]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([group, resources]) => ({
      apiGroups: [group],
      ...(names.length > 0 ? { resourceNames: [...new Set(names)] } : {}),
      resources,
      verbs: chosen,
    }));
}

export const role: Command = creation({
  usage: "role NAME --verb=verb --resource=resource.group/subresource [--resource-name=resourcename]",
  summary: "Create a role with single rule",
  flags: ruleFlags,
  make: async (args, session) => ({
    kind: "Role",
    apiVersion: "rbac.authorization.k8s.io/v1",
    metadata: metadataOf(args.words[0] ?? ""),
    rules: await rules(args, await session.mapper()),
  }),
});

export const clusterRole: Command = creation({
  usage:
    "clusterrole NAME --verb=verb --resource=resource.group [--resource-name=resourcename] [--non-resource-url=url]",
  summary: "Create a cluster role",
  flags: {
    ...ruleFlags,
    "non-resource-url": slice("A partial url that user should have access to."),
    "aggregation-rule": text("An aggregation label selector for combining ClusterRoles."),
  },
  make: async (args, session) => {
    const aggregation = args.text("aggregation-rule");
    const urls = args.list("non-resource-url");
    if (aggregation !== "" && (args.list("verb").length > 0 || args.list("resource").length > 0 || urls.length > 0))
      throw new CommandError(
        "aggregation rule must be specified without verb, resource, resource-name, non-resource-url",
      );
    const made = {
      kind: "ClusterRole",
      apiVersion: "rbac.authorization.k8s.io/v1",
      metadata: metadataOf(args.words[0] ?? ""),
    };
    if (aggregation !== "")
      return {
        ...made,
        aggregationRule: { clusterRoleSelectors: [{ matchLabels: pairs(aggregation.split(","), "aggregation rule") }] },
        rules: null,
      };
    if (args.list("verb").length === 0) throw new CommandError("at least one verb must be specified");
    if (urls.some((url) => url !== "*" && !url.startsWith("/")))
      throw new CommandError("nonResourceURL should start with /");
    if (urls.length > 0 && args.list("resource").length > 0)
      throw new CommandError("can not specify resource and nonResourceURLs at the same time, use two ClusterRoles");
    return {
      ...made,
      rules:
        urls.length > 0
          ? [{ nonResourceURLs: [...urls], verbs: [...new Set(args.list("verb"))] }]
          : await rules(args, await session.mapper()),
    };
  },
});

const subjectFlags: Flags = {
  clusterrole: text("ClusterRole this binding should reference"),
  user: array("Usernames to bind to the role."),
  group: array("Groups to bind to the role."),
  serviceaccount: array("Service accounts to bind to the role, in the format <namespace>:<name>."),
};

function binding(args: Args, kind: string, reference: { readonly kind: string; readonly name: string }) {
  const list = subjects(args);
  return {
    kind,
    apiVersion: "rbac.authorization.k8s.io/v1",
    metadata: metadataOf(args.words[0] ?? ""),
    ...(list.length === 0 ? {} : { subjects: list }),
    roleRef: { apiGroup: "rbac.authorization.k8s.io", ...reference },
  };
}

export const roleBinding: Command = creation({
  usage:
    "rolebinding NAME --clusterrole=NAME|--role=NAME [--user=username] [--group=groupname] [--serviceaccount=namespace:serviceaccountname]",
  summary: "Create a role binding for a particular role or cluster role",
  flags: { ...subjectFlags, role: text("Role this RoleBinding should reference") },
  make: (args) => {
    const [cluster, own] = [args.text("clusterrole"), args.text("role")];
    if ((cluster === "") === (own === ""))
      throw new CommandError("exactly one of clusterrole or role must be specified");
    return binding(
      args,
      "RoleBinding",
      own === "" ? { kind: "ClusterRole", name: cluster } : { kind: "Role", name: own },
    );
  },
});

export const clusterRoleBinding: Command = creation({
  usage:
    "clusterrolebinding NAME --clusterrole=NAME [--user=username] [--group=groupname] [--serviceaccount=namespace:serviceaccountname]",
  summary: "Create a cluster role binding for a particular cluster role",
  flags: subjectFlags,
  make: (args) => {
    if (args.text("clusterrole") === "") throw new CommandError('required flag(s) "clusterrole" not set');
    return binding(args, "ClusterRoleBinding", { kind: "ClusterRole", name: args.text("clusterrole") });
  },
});
