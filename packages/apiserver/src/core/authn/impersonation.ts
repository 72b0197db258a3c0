// Acting as somebody else: the `Impersonate-*` headers and the right to send each of them. Order and words as Kubernetes'
// `filters/impersonation.go`. Each requested name is a permission of its own: verb `impersonate` on users, groups, serviceaccounts,
// uids.authentication.k8s.io and userextras.authentication.k8s.io/KEY.
import type { Attributes, ResourceAttributes } from "../authz/attributes.ts";
import type { Authorizer, UserInfo } from "../request.ts";
import { anonymous, parseServiceAccountUsername, serviceAccountGroups, withAuthenticated } from "./groups.ts";

export type Impersonation =
  | { readonly kind: "none" }
  | { readonly kind: "user"; readonly user: UserInfo }
  | { readonly kind: "forbidden"; readonly attributes: Attributes; readonly reason: string }
  | { readonly kind: "malformed"; readonly message: string };

/** `headers` as they came, repeated ones apart. The result is the user to go on with. */
export function impersonate(
  user: UserInfo,
  headers: Iterable<readonly [name: string, value: string]>,
  authorizer: Authorizer,
): Impersonation {
  let username: string | undefined;
  let uid: string | undefined;
  const groups: string[] = [];
  const extra: Record<string, string[]> = {};
  let others = false;
  for (const [rawName, value] of headers) {
    const name = rawName.toLowerCase();
    if (!name.startsWith("impersonate-")) continue;
    if (name === "impersonate-user") username = value;
    else others = true;
    if (name === "impersonate-uid") uid = value;
    if (name === "impersonate-group") groups.push(value);
    if (name.startsWith("impersonate-extra-")) {
      const key = unescapeKey(name.slice("impersonate-extra-".length));
      (extra[key] ??= []).push(value);
    }
  }
  if (username === undefined || username === "") {
    return others
      ? { kind: "malformed", message: "requested impersonation without impersonating a user" }
      : { kind: "none" };
  }

  const account = parseServiceAccountUsername(username);
  const asked: ResourceAttributes[] = [
    account === undefined
      ? permission(user, "", "users", username)
      : { ...permission(user, "", "serviceaccounts", account.name), namespace: account.namespace },
    ...groups.map((group) => permission(user, "", "groups", group)),
    ...Object.entries(extra).flatMap(([key, values]) =>
      values.map((value) => ({ ...permission(user, "authentication.k8s.io", "userextras", value), subresource: key })),
    ),
    ...(uid === undefined ? [] : [permission(user, "authentication.k8s.io", "uids", uid)]),
  ];
  for (const attributes of asked) {
    const verdict = authorizer.authorize(attributes);
    if (verdict.decision !== "allow") return { kind: "forbidden", attributes, reason: verdict.reason };
  }

  const implied = account !== undefined && groups.length === 0 ? serviceAccountGroups(account.namespace) : groups;
  const known =
    username === anonymous.username && !implied.includes("system:unauthenticated")
      ? [...implied, "system:unauthenticated"]
      : implied;
  const acting: UserInfo = {
    username,
    groups: known,
    ...(uid === undefined ? {} : { uid }),
    ...(Object.keys(extra).length === 0 ? {} : { extra }),
  };
  return { kind: "user", user: withAuthenticated(acting) };
}

function permission(user: UserInfo, group: string, resource: string, name: string): ResourceAttributes {
  return {
    kind: "resource",
    user,
    verb: "impersonate",
    group,
    version: "v1",
    resource,
    subresource: "",
    namespace: "",
    name,
  };
}

/** Keys are percent-encoded, since header names are not case-sensitive and not every sign is allowed in them. */
function unescapeKey(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // As in Kubernetes, what cannot be unescaped is taken as it is.
    return text;
  }
}
