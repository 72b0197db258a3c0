// Names of users and groups that the server itself gives out, as Kubernetes defines them.
import type { UserInfo } from "../request.ts";

export const anonymous: UserInfo = { username: "system:anonymous", groups: ["system:unauthenticated"] };
const authenticated = "system:authenticated";

/** The user with `system:authenticated`, unless somebody has already said that nobody is known. */
export function withAuthenticated(user: UserInfo): UserInfo {
  if (user.username === anonymous.username) return user;
  if (user.groups.includes(authenticated) || user.groups.includes("system:unauthenticated")) return user;
  return { ...user, groups: [...user.groups, authenticated] };
}

export function serviceAccountUsername(namespace: string, name: string): string {
  return `system:serviceaccount:${namespace}:${name}`;
}

export function serviceAccountGroups(namespace: string): readonly string[] {
  return ["system:serviceaccounts", `system:serviceaccounts:${namespace}`];
}

/** The account behind a username; undefined for all other users. */
export function parseServiceAccountUsername(
  username: string,
): { readonly namespace: string; readonly name: string } | undefined {
  const match = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(username);
  return match?.[1] === undefined || match[2] === undefined ? undefined : { namespace: match[1], name: match[2] };
}
