// The Auth service: users, roles, and tokens for passwords. Changes go through the log, already hashed; what is read is read here,
// after the cluster has confirmed that it is the newest.
import type {
  AuthAnswer,
  AuthenticateRequest,
  AuthenticateResponse,
  AuthRoleGetRequest,
  AuthRoleGetResponse,
  AuthRoleListResponse,
  AuthStatusResponse,
  AuthUserAddRequest,
  AuthUserChangePasswordRequest,
  AuthUserGetRequest,
  AuthUserGetResponse,
  AuthUserListResponse,
  Init,
} from "@coxswain/etcd-api";
import { refuseAdmin } from "../../core/auth/permissions.ts";
import { rootName } from "../../core/auth/state.ts";
import type { CommandInit } from "../../core/command.ts";
import { etcdError } from "./errors.ts";
import type { Served } from "./ports.ts";

/** Most passwords bcrypt can tell apart are shorter; Go's refuses longer ones, too. */
const mostPasswordBytes = 72;

type ChangeKind =
  | "authEnable"
  | "authDisable"
  | "userDelete"
  | "userGrantRole"
  | "userRevokeRole"
  | "roleAdd"
  | "roleDelete"
  | "roleGrantPermission"
  | "roleRevokePermission";

/** What changes nothing but users, roles and whether they are asked for. */
export async function serveAuthChange<K extends ChangeKind>(
  served: Served,
  command: Extract<CommandInit, { kind: K }>,
): Promise<Init<AuthAnswer>> {
  await served.propose<K>(command);
  return { header: served.header() };
}

export async function serveUserAdd(served: Served, request: AuthUserAddRequest): Promise<Init<AuthAnswer>> {
  const { name, options } = request;
  // Before the costly part; the state that counts is asked again when the entry is applied.
  const refused = refuseAdmin(served.auth(), served.caller);
  if (refused) throw etcdError(refused);
  const hashedPassword = options?.noPassword === true ? "" : await hashed(served, request);
  await served.propose<"userAdd">({
    kind: "userAdd",
    request: { name, hashedPassword, options: { noPassword: options?.noPassword === true } },
  });
  return { header: served.header() };
}

export async function serveUserChangePassword(
  served: Served,
  request: AuthUserChangePasswordRequest,
): Promise<Init<AuthAnswer>> {
  const refused = refuseAdmin(served.auth(), served.caller);
  if (refused) throw etcdError(refused);
  const hashedPassword = request.password === "" ? request.hashedPassword : await hashed(served, request);
  await served.propose<"userChangePassword">({
    kind: "userChangePassword",
    request: { name: request.name, hashedPassword },
  });
  return { header: served.header() };
}

async function hashed(served: Served, { password }: { readonly password: string }): Promise<string> {
  if (Buffer.byteLength(password) > mostPasswordBytes) throw etcdError("passwordTooLong");
  return (await served.identity.passwords.hash(password)).toString("base64");
}

export async function serveAuthenticate(
  served: Served,
  request: AuthenticateRequest,
): Promise<Init<AuthenticateResponse>> {
  const { name, password } = request;
  await served.linearize();
  for (;;) {
    const { enabled, revision, users } = served.auth();
    if (!enabled) throw etcdError("authNotEnabled");
    const user = users.get(name);
    if (!user) throw etcdError("authFailed");
    if (user.options?.noPassword === true) throw etcdError("noPasswordUser");
    if (!(await served.identity.passwords.matches(password, user.password))) throw etcdError("authFailed");
    const applied = await served.propose<"authenticate">({
      kind: "authenticate",
      request: { name, simpleToken: served.identity.newWord() },
    });
    // A change meanwhile may have been one of this very password.
    if (applied.authRevision !== revision) continue;
    return { header: served.header(), token: await served.identity.tokenFor(name, applied) };
  }
}

export async function serveAuthStatus(served: Served): Promise<Init<AuthStatusResponse>> {
  await served.linearize();
  const { enabled, revision } = requireRoot(served);
  return { header: served.header(), enabled, authRevision: revision };
}

/** Everybody may look at themselves. */
export async function serveUserGet(served: Served, { name }: AuthUserGetRequest): Promise<Init<AuthUserGetResponse>> {
  await served.linearize();
  const { users } = name === served.caller?.name ? served.auth() : requireRoot(served);
  const user = users.get(name);
  if (!user) throw etcdError("userNotFound");
  return { header: served.header(), roles: user.roles };
}

export async function serveUserList(served: Served): Promise<Init<AuthUserListResponse>> {
  await served.linearize();
  return { header: served.header(), users: names(requireRoot(served).users) };
}

/** Everybody may look at the roles they have. */
export async function serveRoleGet(served: Served, request: AuthRoleGetRequest): Promise<Init<AuthRoleGetResponse>> {
  await served.linearize();
  const { users } = served.auth();
  const own = users.get(served.caller?.name ?? "")?.roles.includes(request.role) === true;
  const { roles } = own ? served.auth() : requireRoot(served);
  const role = roles.get(request.role);
  if (!role) throw etcdError("roleNotFound");
  const perm =
    request.role === rootName
      ? [{ permType: "READWRITE" as const, key: "", rangeEnd: Buffer.from([0]) }]
      : role.keyPermission;
  return { header: served.header(), perm };
}

export async function serveRoleList(served: Served): Promise<Init<AuthRoleListResponse>> {
  await served.linearize();
  return { header: served.header(), roles: names(requireRoot(served).roles) };
}

function requireRoot(served: Served): ReturnType<Served["auth"]> {
  const auth = served.auth();
  const refused = refuseAdmin(auth, served.caller);
  if (refused) throw etcdError(refused);
  return auth;
}

function names(named: ReadonlyMap<string, { readonly name: Buffer }>): string[] {
  return Array.from(named.values(), ({ name }) => name)
    .sort((a, b) => Buffer.compare(a, b))
    .map(String);
}
