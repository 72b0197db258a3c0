// Whether two values say the same in JSON: the order of members does not matter, absent and undefined are the same.

export function sameJson(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (isAbsent(one) || isAbsent(other)) return isAbsent(one) && isAbsent(other);
  if (typeof one !== "object" || typeof other !== "object") return false;
  if (Array.isArray(one))
    return (
      Array.isArray(other) && one.length === other.length && one.every((item, index) => sameJson(item, other[index]))
    );
  if (Array.isArray(other)) return false;
  const [own, theirs] = [one as Readonly<Record<string, unknown>>, other as Readonly<Record<string, unknown>>];
  return (
    Object.keys(own).every((name) => sameJson(own[name], ownMember(theirs, name))) &&
    Object.keys(theirs).every((name) => isAbsent(theirs[name]) || !isAbsent(ownMember(own, name)))
  );
}

const isAbsent = (value: unknown): value is null | undefined => value === undefined || value === null;
const ownMember = (object: Readonly<Record<string, unknown>>, name: string): unknown =>
  Object.hasOwn(object, name) ? object[name] : undefined;

/** JSON with sorted members, without those that are undefined or null. */
export function canonicalJson(value: unknown): string {
  return (
    JSON.stringify(value, (_name, inner: unknown) => {
      if (typeof inner !== "object" || inner === null || Array.isArray(inner)) return inner;
      const members = Object.entries(inner).filter(([, member]) => member !== undefined && member !== null);
      return Object.fromEntries(members.sort(([a], [b]) => (a < b ? -1 : 1)));
    }) ?? ""
  );
}
