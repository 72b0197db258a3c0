// Who may do what: users, roles and their permissions as the log has made them, as one immutable value. Every change makes a new one,
// so that what is derived from it (permissions.ts) may be kept with it. Tokens are no part of it: they are this process's own.
import { authRole, authUser, decode, encode } from "@coxswain/etcd-api";
import type { AuthRole, AuthUser } from "@coxswain/etcd-api";

export interface AuthState {
  readonly enabled: boolean;
  /** Grows with every change but the enabling: a token that names an older one is refused. */
  readonly revision: number;
  readonly users: ReadonlyMap<string, AuthUser>;
  readonly roles: ReadonlyMap<string, AuthRole>;
}

export const rootName = "root";

export const initialAuth: AuthState = { enabled: false, revision: 1, users: new Map(), roles: new Map() };

/** etcd's three buckets, by name, as pairs of key and value: what a snapshot file of etcd holds of this state. */
export interface AuthBuckets {
  readonly auth: readonly (readonly [Buffer, Buffer])[];
  readonly authUsers: readonly (readonly [Buffer, Buffer])[];
  readonly authRoles: readonly (readonly [Buffer, Buffer])[];
}

export function authBuckets(state: AuthState): AuthBuckets {
  const revision = Buffer.alloc(8);
  revision.writeBigUInt64BE(BigInt(state.revision));
  return {
    auth: [
      [Buffer.from("authEnabled"), Buffer.from([state.enabled ? 1 : 0])],
      [Buffer.from("authRevision"), revision],
    ],
    authUsers: sorted(state.users).map((user) => [user.name, encode(authUser, user)]),
    authRoles: sorted(state.roles).map((role) => [role.name, encode(authRole, role)]),
  };
}

export function authFromBuckets(buckets: AuthBuckets): AuthState {
  const settings = new Map(buckets.auth.map(([key, value]): [string, Buffer] => [key.toString(), value]));
  const users = buckets.authUsers.map(([, value]) => decode(authUser, value));
  const roles = buckets.authRoles.map(([, value]) => decode(authRole, value));
  const revision = settings.get("authRevision");
  return {
    enabled: settings.get("authEnabled")?.[0] === 1,
    revision: revision?.length === 8 ? Number(revision.readBigUInt64BE()) : initialAuth.revision,
    users: new Map(users.map((user): [string, AuthUser] => [user.name.toString(), user])),
    roles: new Map(roles.map((role): [string, AuthRole] => [role.name.toString(), role])),
  };
}

/** The same in one piece, as the backend keeps it: for each bucket the number of pairs, then lengths and bytes. */
export function encodeAuth(state: AuthState): Buffer {
  const { auth, authUsers, authRoles } = authBuckets(state);
  const parts: Buffer[] = [];
  for (const bucket of [auth, authUsers, authRoles]) {
    parts.push(uint32(bucket.length));
    for (const [key, value] of bucket) parts.push(uint32(key.length), key, uint32(value.length), value);
  }
  return Buffer.concat(parts);
}

export function decodeAuth(bytes: Uint8Array | undefined): AuthState {
  if (!bytes) return initialAuth;
  // A copy: what is decoded refers to it for as long as the state lives.
  const buffer = Buffer.from(bytes);
  let offset = 0;
  const size = (): number => {
    offset += 4;
    return buffer.readUInt32LE(offset - 4);
  };
  const piece = (): Buffer => {
    const length = size();
    offset += length;
    return buffer.subarray(offset - length, offset);
  };
  const bucket = (): [Buffer, Buffer][] => Array.from({ length: size() }, () => [piece(), piece()]);
  return authFromBuckets({ auth: bucket(), authUsers: bucket(), authRoles: bucket() });
}

/** In the order of their names' bytes, as a bucket has them. */
function sorted<T extends { readonly name: Buffer }>(named: ReadonlyMap<string, T>): T[] {
  return Array.from(named.values()).sort((a, b) => Buffer.compare(a.name, b.name));
}

function uint32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
