// Comparing resource versions. Opaque to Kubernetes' clients until 1.35, which promises that they are decimal numbers that
// grow; a server that uses other texts is served, too, only without the comparisons.

/** Whether `one` is the same as or newer than `other`; undefined when that cannot be told. */
export function isAtLeast(one: string | undefined, other: string | undefined): boolean | undefined {
  const a = numeric(one);
  const b = numeric(other);
  return a === undefined || b === undefined ? undefined : a >= b;
}

/** The newer of two; the first when that cannot be told. */
export function newer(one: string, other: string): string {
  return isAtLeast(one, other) === false ? other : one;
}

function numeric(version: string | undefined): number | undefined {
  return version !== undefined && /^\d{1,16}$/.test(version) ? Number(version) : undefined;
}
