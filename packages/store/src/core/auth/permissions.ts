// Which keys a user may read and write: the permissions of all roles together, merged into ranges that do not touch, so that a range
// is permitted when one of them covers it, even if it took several permissions to cover it (as in etcd's range_perm_cache.go).
import { rootName } from "./state.ts";
import type { AuthState } from "./state.ts";

/** Who asks, and of which revision of the auth state the token speaks. */
export interface Caller {
  readonly name: string;
  readonly revision: number;
}

export type AccessRefusal = "userEmpty" | "userNotFound" | "authOldRevision" | "permissionDenied";

/** Why this caller may not read or write these keys; undefined when they may, or nobody is asked for permission. */
export function refuseKeys(
  auth: AuthState,
  caller: Caller | undefined,
  what: "read" | "write",
  key: Buffer,
  rangeEnd: Buffer | undefined,
): AccessRefusal | undefined {
  if (!auth.enabled) return undefined;
  if (!caller || caller.revision === 0) return "userEmpty";
  if (caller.revision < auth.revision) return "authOldRevision";
  const user = auth.users.get(caller.name);
  if (!user) return "permissionDenied";
  if (user.roles.includes(rootName)) return undefined;
  return covers(rangesOf(auth, caller.name)[what], rangeOf(key, rangeEnd)) ? undefined : "permissionDenied";
}

/** Why this caller may not do what only root's role may. */
export function refuseAdmin(auth: AuthState, caller: Caller | undefined): AccessRefusal | undefined {
  if (!auth.enabled) return undefined;
  if (!caller || caller.name === "") return "userEmpty";
  const user = auth.users.get(caller.name);
  if (!user) return "userNotFound";
  return user.roles.includes(rootName) ? undefined : "permissionDenied";
}

/** Keys as latin1, which order as their bytes; without an end, everything from the start on. */
interface Range {
  readonly start: string;
  readonly end: string | undefined;
}
interface Ranges {
  readonly read: readonly Range[];
  readonly write: readonly Range[];
}

const known = new WeakMap<AuthState, Map<string, Ranges>>();

function rangesOf(auth: AuthState, name: string): Ranges {
  let ofState = known.get(auth);
  if (!ofState) known.set(auth, (ofState = new Map()));
  let ranges = ofState.get(name);
  if (!ranges) ofState.set(name, (ranges = mergeRanges(auth, name)));
  return ranges;
}

function mergeRanges(auth: AuthState, name: string): Ranges {
  const permissions = (auth.users.get(name)?.roles ?? []).flatMap((role) => auth.roles.get(role)?.keyPermission ?? []);
  const of = (type: "READ" | "WRITE"): readonly Range[] =>
    merge(
      permissions
        .filter(({ permType }) => permType === type || permType === "READWRITE")
        .map(({ key, rangeEnd }) => rangeOf(key, rangeEnd)),
    );
  return { read: of("READ"), write: of("WRITE") };
}

function merge(ranges: readonly Range[]): readonly Range[] {
  const merged: Range[] = [];
  for (const range of ranges.toSorted((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0))) {
    const last = merged.at(-1);
    if (!last || (last.end !== undefined && last.end < range.start)) merged.push(range);
    else merged[merged.length - 1] = { start: last.start, end: later(last.end, range.end) };
  }
  return merged;
}

function later(a: string | undefined, b: string | undefined): string | undefined {
  return a === undefined || b === undefined ? undefined : a > b ? a : b;
}

/** The last range that begins at or before the wanted one is the only one that can hold it. */
function covers(ranges: readonly Range[], wanted: Range): boolean {
  const holder = ranges.findLast(({ start }) => start <= wanted.start);
  if (!holder) return false;
  return holder.end === undefined || (wanted.end !== undefined && wanted.end <= holder.end);
}

function rangeOf(key: Buffer, rangeEnd: Buffer | undefined): Range {
  const start = key.toString("latin1");
  if (!rangeEnd || rangeEnd.length === 0) return { start, end: `${start}\0` };
  return { start, end: rangeEnd.length === 1 && rangeEnd[0] === 0 ? undefined : rangeEnd.toString("latin1") };
}
