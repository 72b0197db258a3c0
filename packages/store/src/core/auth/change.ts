// What a committed change of users and roles makes of the state, in the order of checks of etcd's server/auth/store.go. It does not
// look at who asks (access.ts does), and hashes no password: what comes out of the log is already hashed.
import type { AuthRole, AuthUser, Permission } from "@coxswain/etcd-api";
import type { Command } from "../command.ts";
import { rootName } from "./state.ts";
import type { AuthState } from "./state.ts";

export type AuthCommand = Extract<
  Command,
  {
    readonly kind:
      | "authEnable"
      | "authDisable"
      | "userAdd"
      | "userDelete"
      | "userChangePassword"
      | "userGrantRole"
      | "userRevokeRole"
      | "roleAdd"
      | "roleDelete"
      | "roleGrantPermission"
      | "roleRevokePermission";
  }
>;

export type AuthChangeRefusal =
  | "rootUserNotExist"
  | "rootRoleNotExist"
  | "userAlreadyExist"
  | "userEmpty"
  | "userNotFound"
  | "roleAlreadyExist"
  | "roleNotFound"
  | "roleEmpty"
  | "roleNotGranted"
  | "permissionNotGiven"
  | "permissionNotGranted"
  | "invalidAuthMgmt";

export type AuthChange =
  /** `loggedOut`: whose tokens end with it. */
  { readonly auth: AuthState; readonly loggedOut?: string } | { readonly refused: AuthChangeRefusal };

export function changeAuth(state: AuthState, command: AuthCommand): AuthChange {
  switch (command.kind) {
    case "authEnable":
      return enable(state);
    case "authDisable":
      return { auth: state.enabled ? { ...state, enabled: false, revision: state.revision + 1 } : state };
    case "userAdd": {
      const { name, hashedPassword, options } = command.request;
      if (name === "") return { refused: "userEmpty" };
      if (state.users.has(name)) return { refused: "userAlreadyExist" };
      const password = options?.noPassword === true ? Buffer.alloc(0) : Buffer.from(hashedPassword, "base64");
      return withUser(state, {
        name: Buffer.from(name),
        password,
        roles: [],
        options: options ?? { noPassword: false },
      });
    }
    case "userDelete": {
      const { name } = command.request;
      if (state.enabled && name === rootName) return { refused: "invalidAuthMgmt" };
      if (!state.users.has(name)) return { refused: "userNotFound" };
      const users = new Map(state.users);
      users.delete(name);
      return { auth: { ...state, users, revision: state.revision + 1 }, loggedOut: name };
    }
    case "userChangePassword": {
      const { name, hashedPassword } = command.request;
      const user = state.users.get(name);
      if (!user) return { refused: "userNotFound" };
      const password = user.options?.noPassword === true ? Buffer.alloc(0) : Buffer.from(hashedPassword, "base64");
      return { ...withUser(state, { ...user, password }), loggedOut: name };
    }
    case "userGrantRole": {
      const { user: name, role } = command.request;
      const user = state.users.get(name);
      if (!user) return { refused: "userNotFound" };
      if (role !== rootName && !state.roles.has(role)) return { refused: "roleNotFound" };
      if (user.roles.includes(role)) return { auth: state };
      return withUser(state, { ...user, roles: [...user.roles, role].sort(byBytes) });
    }
    case "userRevokeRole": {
      const { name, role } = command.request;
      if (state.enabled && name === rootName && role === rootName) return { refused: "invalidAuthMgmt" };
      const user = state.users.get(name);
      if (!user) return { refused: "userNotFound" };
      if (!user.roles.includes(role)) return { refused: "roleNotGranted" };
      return withUser(state, { ...user, roles: user.roles.filter((held) => held !== role) });
    }
    case "roleAdd": {
      const { name } = command.request;
      if (name === "") return { refused: "roleEmpty" };
      if (state.roles.has(name)) return { refused: "roleAlreadyExist" };
      return withRole(state, { name: Buffer.from(name), keyPermission: [] });
    }
    case "roleDelete":
      return deleteRole(state, command.request.role);
    case "roleGrantPermission":
      return grant(state, command.request.name, command.request.perm);
    case "roleRevokePermission": {
      const { role: name, key, rangeEnd } = command.request;
      const role = state.roles.get(name);
      if (!role) return { refused: "roleNotFound" };
      const kept = role.keyPermission.filter((each) => !each.key.equals(key) || !each.rangeEnd.equals(rangeEnd));
      if (kept.length === role.keyPermission.length) return { refused: "permissionNotGranted" };
      return withRole(state, { ...role, keyPermission: kept });
    }
  }
}

function enable(state: AuthState): AuthChange {
  if (state.enabled) return { auth: state };
  const root = state.users.get(rootName);
  if (!root) return { refused: "rootUserNotExist" };
  return root.roles.includes(rootName) ? { auth: { ...state, enabled: true } } : { refused: "rootRoleNotExist" };
}

function deleteRole(state: AuthState, name: string): AuthChange {
  if (state.enabled && name === rootName) return { refused: "invalidAuthMgmt" };
  if (!state.roles.has(name)) return { refused: "roleNotFound" };
  const roles = new Map(state.roles);
  roles.delete(name);
  const users = new Map(state.users);
  for (const [key, user] of users)
    if (user.roles.includes(name)) users.set(key, { ...user, roles: user.roles.filter((held) => held !== name) });
  return { auth: { ...state, roles, users, revision: state.revision + 1 } };
}

function grant(state: AuthState, name: string, permission: Permission | undefined): AuthChange {
  if (!permission) return { refused: "permissionNotGiven" };
  if (!isRange(permission)) return { refused: "invalidAuthMgmt" };
  const role = state.roles.get(name);
  if (!role) return { refused: "roleNotFound" };
  const others = role.keyPermission.filter(
    ({ key, rangeEnd }) => !key.equals(permission.key) || !rangeEnd.equals(permission.rangeEnd),
  );
  const keyPermission = [...others, permission].sort((a, b) => Buffer.compare(a.key, b.key));
  return withRole(state, { ...role, keyPermission });
}

/** One key, a range that is not empty, or everything from a key on. */
function isRange({ key, rangeEnd }: Permission): boolean {
  if (key.length === 0) return false;
  if (rangeEnd.length === 0 || (rangeEnd.length === 1 && rangeEnd[0] === 0)) return true;
  return Buffer.compare(key, rangeEnd) < 0;
}

function withUser(state: AuthState, user: AuthUser): { readonly auth: AuthState } {
  return {
    auth: { ...state, users: new Map(state.users).set(user.name.toString(), user), revision: state.revision + 1 },
  };
}

function withRole(state: AuthState, role: AuthRole): { readonly auth: AuthState } {
  return {
    auth: { ...state, roles: new Map(state.roles).set(role.name.toString(), role), revision: state.revision + 1 },
  };
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
