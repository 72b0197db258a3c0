// A whole status as a merge patch: what is no longer in it is set to null. Pure.

export function statusPatch<T extends object>(
  previous: T | undefined,
  next: T,
): { readonly status: Readonly<Record<string, unknown>> } {
  const gone = Object.keys(previous ?? {}).filter(
    (key) => !(key in next) || (next as Record<string, unknown>)[key] === undefined,
  );
  return { status: { ...next, ...Object.fromEntries(gone.map((key) => [key, null])) } };
}
