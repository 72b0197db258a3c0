// Users, roles and what they may do: by example, and against a model that asks every key by itself.
import { decode, encode, txnRequest } from "@coxswain/etcd-api";
import type { AuthRole, AuthUser, Init, TxnRequest } from "@coxswain/etcd-api";
import { openMvcc } from "@coxswain/mvcc";
import { createMemoryBackend } from "@coxswain/mvcc/testing";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { refuseCommand, refuseLease, refuseTxn } from "./access.ts";
import { changeAuth } from "./change.ts";
import type { AuthCommand } from "./change.ts";
import { refuseAdmin, refuseKeys } from "./permissions.ts";
import { SimpleTokens, tokenIndex } from "./simple-tokens.ts";
import { authBuckets, authFromBuckets, decodeAuth, encodeAuth, initialAuth } from "./state.ts";
import type { AuthState } from "./state.ts";
import { parseAuthToken } from "./token-options.ts";

const user = (name: string, ...roles: string[]): AuthUser => ({
  name: Buffer.from(name),
  password: Buffer.from("$2a$"),
  roles,
  options: { noPassword: false },
});

type Permission = readonly [type: "READ" | "WRITE" | "READWRITE", key: string, rangeEnd?: string];

function role(name: string, ...permissions: Permission[]): AuthRole {
  const keyPermission = permissions.map(([permType, key, rangeEnd = ""]) => ({
    permType,
    key: Buffer.from(key),
    rangeEnd: Buffer.from(rangeEnd),
  }));
  return { name: Buffer.from(name), keyPermission };
}

function enabled(users: readonly AuthUser[], roles: readonly AuthRole[]): AuthState {
  return {
    enabled: true,
    revision: 7,
    users: new Map(users.map((each) => [each.name.toString(), each])),
    roles: new Map(roles.map((each) => [each.name.toString(), each])),
  };
}

const al = { name: "al", revision: 7 };
const root = { name: "root", revision: 7 };

describe("the auth state", () => {
  const state = enabled(
    [user("root", "root"), user("al", "r1", "r2"), user("ünï")],
    [role("r1", ["READ", "k", "l"], ["WRITE", "a"]), role("root")],
  );

  it("is etcd's three buckets and back, and one piece and back", () => {
    expect(authFromBuckets(authBuckets(state))).toEqual(state);
    expect(decodeAuth(encodeAuth(state))).toEqual(state);
    expect(decodeAuth(undefined)).toEqual(initialAuth);
  });

  it("has etcd's keys and values in its buckets", () => {
    const { auth, authUsers, authRoles } = authBuckets(state);
    expect(auth.map(([key, value]) => [key.toString(), value.toString("hex")])).toEqual([
      ["authEnabled", "01"],
      ["authRevision", "0000000000000007"],
    ]);
    expect(authUsers.map(([key]) => key.toString())).toEqual(["al", "root", "ünï"]);
    // name, password, roles, options (whose only field is at its default).
    expect(authUsers[0]?.[1].toString("latin1")).toBe('\n\x02al\x12\x04$2a$\x1a\x02r1\x1a\x02r2"\0');
    expect(authRoles[0]?.[1].toString("latin1")).toBe("\n\x02r1\x12\x06\x12\x01k\x1a\x01l\x12\x05\x08\x01\x12\x01a");
  });
});

describe("changeAuth", () => {
  const change = (state: AuthState, kind: string, request: object): ReturnType<typeof changeAuth> =>
    changeAuth(state, { kind, request } as AuthCommand);
  const on = enabled([user("root", "root"), user("al", "r")], [role("r", ["READ", "k"]), role("root")]);

  it("counts every change but the enabling", () => {
    const off = { ...on, enabled: false };
    expect(change(off, "authEnable", {})).toEqual({ auth: { ...on, enabled: true } });
    expect(change(on, "authDisable", {})).toEqual({ auth: { ...on, enabled: false, revision: 8 } });
    expect(change(off, "authDisable", {})).toEqual({ auth: off });
    expect(change(on, "userGrantRole", { user: "al", role: "r" })).toEqual({ auth: on });
    expect(change(on, "roleAdd", { name: "x" })).toMatchObject({ auth: { revision: 8 } });
  });

  it("logs out whose password changes or who goes", () => {
    expect(change(on, "userDelete", { name: "al" })).toMatchObject({ loggedOut: "al" });
    expect(change(on, "userChangePassword", { name: "al", hashedPassword: "eA==" })).toMatchObject({ loggedOut: "al" });
  });

  it("takes a deleted role from everybody", () => {
    const changed = change(on, "roleDelete", { role: "r" });
    expect("auth" in changed && changed.auth.users.get("al")?.roles).toEqual([]);
  });

  it.each([
    ["userDelete", { name: "root" }],
    ["roleDelete", { role: "root" }],
    ["userRevokeRole", { name: "root", role: "root" }],
    [
      "roleGrantPermission",
      { name: "r", perm: { permType: "READ", key: Buffer.from("b"), rangeEnd: Buffer.from("a") } },
    ],
  ])("refuses %s of %j while auth is on", (kind, request) => {
    expect(change(on, kind, request)).toEqual({ refused: "invalidAuthMgmt" });
  });
});

describe("permissions", () => {
  const bytes = (text: string | undefined): Buffer | undefined => (text === undefined ? undefined : Buffer.from(text));

  it("cover a range exactly when they cover each of its keys", () => {
    const key = fc.constantFrom("a", "b", "c", "d", "e");
    const end = fc.constantFrom("", "\0", "a", "b", "c", "d", "e");
    const permission = fc.tuple(fc.constantFrom("READ" as const, "WRITE" as const, "READWRITE" as const), key, end);
    fc.assert(
      fc.property(fc.array(permission, { maxLength: 6 }), key, end, (permissions, wanted, wantedEnd) => {
        const proper = permissions.filter(([, from, to]) => to === "" || to === "\0" || from < to);
        const auth = enabled([user("al", "r")], [role("r", ...proper)]);
        // A key just behind each letter stands for all between it and the next.
        const keys = ["a", "b", "c", "d", "e"].flatMap((each) => [each, `${each}~`]);
        const holds = (each: string, [from, to]: readonly [string, string]): boolean =>
          to === "" ? each === from : each >= from && (to === "\0" || each < to);
        const asked = keys.filter((each) => holds(each, [wanted, wantedEnd]));
        const permitted = asked.every((each) =>
          proper.some(([type, from, to]) => type !== "WRITE" && holds(each, [from, to])),
        );
        fc.pre(asked.length > 0);
        const refused = refuseKeys(auth, al, "read", Buffer.from(wanted), bytes(wantedEnd));
        expect(refused).toBe(permitted ? undefined : "permissionDenied");
      }),
    );
  });

  it("are asked of nobody while auth is off, and never of root", () => {
    const auth = enabled([user("root", "root"), user("al")], []);
    expect(refuseKeys({ ...auth, enabled: false }, undefined, "write", Buffer.from("k"), undefined)).toBeUndefined();
    expect(refuseKeys(auth, root, "write", Buffer.from("k"), Buffer.from("\0"))).toBeUndefined();
    expect(refuseAdmin(auth, root)).toBeUndefined();
    expect(refuseAdmin(auth, al)).toBe("permissionDenied");
    expect(refuseAdmin(auth, { name: "gone", revision: 7 })).toBe("userNotFound");
    expect(refuseAdmin(auth, undefined)).toBe("userEmpty");
  });

  it("are refused to a token that speaks of an older state, and to nobody", () => {
    const auth = enabled([user("root", "root")], []);
    expect(refuseKeys(auth, { name: "root", revision: 6 }, "read", Buffer.from("k"), undefined)).toBe(
      "authOldRevision",
    );
    expect(refuseKeys(auth, undefined, "read", Buffer.from("k"), undefined)).toBe("userEmpty");
    expect(refuseKeys(auth, al, "read", Buffer.from("k"), undefined)).toBe("permissionDenied");
  });
});

describe("a command's permission", () => {
  const auth = enabled(
    [user("root", "root"), user("al", "r")],
    [role("r", ["READWRITE", "rw/", "rw0"], ["READ", "ro"], ["WRITE", "wo"])],
  );
  const txn = (request: Init<TxnRequest>): TxnRequest => decode(txnRequest, encode(txnRequest, request));

  it("is asked of nested transactions, of leases and of previous values in them, too", async () => {
    const mvcc = await openMvcc(createMemoryBackend(), { minLeaseTtlSeconds: 1 });
    mvcc.leases.grant(5n, 60, 0);
    mvcc.put({ key: Buffer.from("secret"), value: Buffer.from("1"), lease: 5n });
    const refused = (request: Init<TxnRequest>): string | undefined => refuseTxn({ auth, mvcc }, txn(request), al);
    expect(refused({ success: [{ requestPut: { key: "rw/1" } }] })).toBeUndefined();
    expect(refused({ success: [{ requestTxn: { success: [{ requestRange: { key: "wo" } }] } }] })).toBe(
      "permissionDenied",
    );
    expect(refused({ success: [{ requestPut: { key: "wo", prevKv: true } }] })).toBe("permissionDenied");
    expect(refused({ success: [{ requestPut: { key: "rw/1", lease: 5n } }] })).toBe("permissionDenied");
    expect(refused({ failure: [{ requestDeleteRange: { key: "ro" } }] })).toBe("permissionDenied");
    expect(refuseLease({ auth, mvcc }, 5n, al, "read")).toBe("permissionDenied");
    expect(refuseLease({ auth, mvcc }, 5n, root, "write")).toBeUndefined();
    expect(refuseLease({ auth, mvcc }, 6n, al, "write")).toBeUndefined();
  });

  it("is root's for users and roles, and nobody's for what members ask among themselves", async () => {
    const view = { auth, mvcc: await openMvcc(createMemoryBackend(), { minLeaseTtlSeconds: 1 }) };
    expect(refuseCommand(view, { kind: "authDisable", request: {} }, al)).toBe("permissionDenied");
    expect(refuseCommand(view, { kind: "authDisable", request: {} }, root)).toBeUndefined();
    expect(
      refuseCommand(view, { kind: "compact", request: { revision: 1, physical: false } }, undefined),
    ).toBeUndefined();
  });
});

describe("simple tokens", () => {
  it("live from use to use, and end with their user's", () => {
    const tokens = new SimpleTokens(1000);
    tokens.assign("a.1", "al", 0);
    tokens.assign("b.2", "al", 0);
    expect(tokens.userOf("a.1", 900)).toBe("al");
    expect([tokens.userOf("a.1", 1800), tokens.userOf("b.2", 1800)]).toEqual(["al", undefined]);
    tokens.logOut("al");
    expect(tokens.userOf("a.1", 1801)).toBeUndefined();
  });

  it("are swept when others are made", () => {
    const tokens = new SimpleTokens(1000);
    for (let each = 0; each < 100; each++) tokens.assign(`x.${each}`, "al", each);
    tokens.assign("y.1", "al", 1050);
    expect(tokens.size).toBe(50);
  });

  it("name the entry that made them", () => {
    expect([tokenIndex("word.12"), tokenIndex("word"), tokenIndex("a.b.3"), tokenIndex("x.99999999999999999")]).toEqual(
      [12, undefined, undefined, undefined],
    );
  });
});

describe("--auth-token", () => {
  const parse = (text: string): unknown =>
    parseAuthToken(text, (duration) => (duration === "5m" ? 300_000 : undefined));

  it("is simple, or says how tokens are signed", () => {
    expect(parse("simple")).toEqual({ kind: "simple" });
    expect(parse("jwt,sign-method=ES256,priv-key=/k,ttl=5m")).toEqual({
      kind: "jwt",
      signMethod: "ES256",
      privateKeyFile: "/k",
      publicKeyFile: undefined,
      ttlMs: 300_000,
    });
  });

  it.each([
    "",
    "magic",
    "jwt",
    "jwt,sign-method=none,priv-key=k",
    "jwt,sign-method=HS256,pub-key=k",
    "jwt,x=1",
    "jwt,ttl",
  ])("refuses %j", (text) => {
    expect(parse(text)).toHaveProperty("fault");
  });
});
