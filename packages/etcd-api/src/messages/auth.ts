// etcd's Auth messages, as tables.
import {
  bool,
  bytes,
  enumeration,
  int64,
  message,
  nested,
  repeated,
  repeatedMessage,
  string,
} from "../wire/message.ts";
import type { TypeOf } from "../wire/message.ts";
import { responseHeader } from "./kv.ts";

const header = nested(1, () => responseHeader);
const name = string(1);
const role = string(1);

/** What most changes answer. */
export const authAnswer = message("AuthResponse", { header });
export type AuthAnswer = TypeOf<typeof authAnswer>;

export const authEnableRequest = message("AuthEnableRequest", {});
export type AuthEnableRequest = TypeOf<typeof authEnableRequest>;
export const authDisableRequest = message("AuthDisableRequest", {});
export type AuthDisableRequest = TypeOf<typeof authDisableRequest>;
export const authStatusRequest = message("AuthStatusRequest", {});
export type AuthStatusRequest = TypeOf<typeof authStatusRequest>;
export const authStatusResponse = message("AuthStatusResponse", {
  header,
  enabled: bool(2),
  authRevision: int64(3, { protoName: "authRevision" }),
});
export type AuthStatusResponse = TypeOf<typeof authStatusResponse>;

export const authenticateRequest = message("AuthenticateRequest", { name, password: string(2) });
export type AuthenticateRequest = TypeOf<typeof authenticateRequest>;
export const authenticateResponse = message("AuthenticateResponse", { header, token: string(2) });
export type AuthenticateResponse = TypeOf<typeof authenticateResponse>;

export const userAddOptions = message("UserAddOptions", { noPassword: bool(1) });
export type UserAddOptions = TypeOf<typeof userAddOptions>;
export const authUserAddRequest = message("AuthUserAddRequest", {
  name,
  password: string(2),
  options: nested(3, () => userAddOptions),
  hashedPassword: string(4, { protoName: "hashedPassword" }),
});
export type AuthUserAddRequest = TypeOf<typeof authUserAddRequest>;
export const authUserGetRequest = message("AuthUserGetRequest", { name });
export type AuthUserGetRequest = TypeOf<typeof authUserGetRequest>;
export const authUserGetResponse = message("AuthUserGetResponse", { header, roles: repeated(string(2)) });
export type AuthUserGetResponse = TypeOf<typeof authUserGetResponse>;
export const authUserListRequest = message("AuthUserListRequest", {});
export type AuthUserListRequest = TypeOf<typeof authUserListRequest>;
export const authUserListResponse = message("AuthUserListResponse", { header, users: repeated(string(2)) });
export type AuthUserListResponse = TypeOf<typeof authUserListResponse>;
export const authUserDeleteRequest = message("AuthUserDeleteRequest", { name });
export type AuthUserDeleteRequest = TypeOf<typeof authUserDeleteRequest>;
export const authUserChangePasswordRequest = message("AuthUserChangePasswordRequest", {
  name,
  password: string(2),
  hashedPassword: string(3, { protoName: "hashedPassword" }),
});
export type AuthUserChangePasswordRequest = TypeOf<typeof authUserChangePasswordRequest>;
export const authUserGrantRoleRequest = message("AuthUserGrantRoleRequest", { user: string(1), role: string(2) });
export type AuthUserGrantRoleRequest = TypeOf<typeof authUserGrantRoleRequest>;
export const authUserRevokeRoleRequest = message("AuthUserRevokeRoleRequest", { name, role: string(2) });
export type AuthUserRevokeRoleRequest = TypeOf<typeof authUserRevokeRoleRequest>;

/** How a password that was checked goes through the log: without the password. */
export const internalAuthenticateRequest = message("InternalAuthenticateRequest", {
  name,
  password: string(2),
  simpleToken: string(3),
});
export type InternalAuthenticateRequest = TypeOf<typeof internalAuthenticateRequest>;

export const permission = message("Permission", {
  permType: enumeration(1, ["READ", "WRITE", "READWRITE"], { protoName: "permType" }),
  key: bytes(2),
  rangeEnd: bytes(3),
});
export type Permission = TypeOf<typeof permission>;
export const authRoleAddRequest = message("AuthRoleAddRequest", { name });
export type AuthRoleAddRequest = TypeOf<typeof authRoleAddRequest>;
export const authRoleGetRequest = message("AuthRoleGetRequest", { role });
export type AuthRoleGetRequest = TypeOf<typeof authRoleGetRequest>;
export const authRoleGetResponse = message("AuthRoleGetResponse", {
  header,
  perm: repeatedMessage(2, () => permission),
});
export type AuthRoleGetResponse = TypeOf<typeof authRoleGetResponse>;
export const authRoleListRequest = message("AuthRoleListRequest", {});
export type AuthRoleListRequest = TypeOf<typeof authRoleListRequest>;
export const authRoleListResponse = message("AuthRoleListResponse", { header, roles: repeated(string(2)) });
export type AuthRoleListResponse = TypeOf<typeof authRoleListResponse>;
export const authRoleDeleteRequest = message("AuthRoleDeleteRequest", { role });
export type AuthRoleDeleteRequest = TypeOf<typeof authRoleDeleteRequest>;
export const authRoleGrantPermissionRequest = message("AuthRoleGrantPermissionRequest", {
  name,
  perm: nested(2, () => permission),
});
export type AuthRoleGrantPermissionRequest = TypeOf<typeof authRoleGrantPermissionRequest>;
export const authRoleRevokePermissionRequest = message("AuthRoleRevokePermissionRequest", {
  role,
  key: bytes(2),
  rangeEnd: bytes(3),
});
export type AuthRoleRevokePermissionRequest = TypeOf<typeof authRoleRevokePermissionRequest>;

/** As etcd keeps a user on disk (authpb.User). */
export const authUser = message("User", {
  name: bytes(1),
  password: bytes(2),
  roles: repeated(string(3)),
  options: nested(4, () => userAddOptions),
});
export type AuthUser = TypeOf<typeof authUser>;
/** As etcd keeps a role on disk (authpb.Role). */
export const authRole = message("Role", {
  name: bytes(1),
  keyPermission: repeatedMessage(2, () => permission),
});
export type AuthRole = TypeOf<typeof authRole>;
