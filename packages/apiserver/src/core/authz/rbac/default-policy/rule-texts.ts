// A short notation for built-in rules, so that the whole default policy can be read on a few pages:
//
//   "get list watch | pods nodes"              core group
//   "create | deployments.apps pods/exec"      the group behind the resource
//   "get | leases.coordination.k8s.io | a b"   only objects of these names
//   "get | /healthz /livez"                    paths
//
// One line may name resources of several groups; it becomes one rule per group, as each group has resources of its own.
import type { PolicyRule } from "../rule.ts";

/** Reads the notation above; `*` is allowed for verbs, resources and groups ("*.*" is every resource of every group). */
export function rulesFrom(...lines: readonly string[]): readonly PolicyRule[] {
  return lines.flatMap(rulesOfLine);
}

function rulesOfLine(line: string): readonly PolicyRule[] {
  const [verbText = "", whatText = "", nameText = ""] = line.split("|").map((part) => part.trim());
  const verbs = verbText.split(" ");
  const what = whatText.split(" ");
  if (whatText.startsWith("/") || whatText === "URL:*") {
    return [{ nonResourceURLs: what.map((url) => url.replace("URL:", "")), verbs }];
  }
  const groups = new Map<string, string[]>();
  for (const item of what) {
    const [resource, group] = splitGroup(item);
    const resources = groups.get(group);
    if (resources === undefined) groups.set(group, [resource]);
    else resources.push(resource);
  }
  return [...groups].map(([group, resources]) => ({
    apiGroups: [group],
    resources,
    verbs,
    ...(nameText === "" ? {} : { resourceNames: nameText.split(" ") }),
  }));
}

/** "pods/log" is core; "deployments.apps/scale" is `deployments/scale` of apps. */
function splitGroup(item: string): readonly [resource: string, group: string] {
  const [qualified = "", subresource] = item.split("/");
  const dot = qualified.indexOf(".");
  const resource = dot < 0 ? qualified : qualified.slice(0, dot);
  const group = dot < 0 ? "" : qualified.slice(dot + 1);
  return [subresource === undefined ? resource : `${resource}/${subresource}`, group];
}
