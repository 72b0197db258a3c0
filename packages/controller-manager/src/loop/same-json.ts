// Whether two values say the same in JSON: the order of members does not matter, absent and undefined are the same.

export function sameJson(one: unknown, other: unknown): boolean {
  return one === other || canonicalJson(one) === canonicalJson(other);
}

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
