// JSON as Go prints it: keys in order, markup characters escaped, four blanks. Formats values; knows no kind.

/** Keys of all mappings in alphabetical order, as kubectl prints what it holds as maps. */
export function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== undefined)
      .sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0))
      .map(([key, inner]) => [key, sortKeys(inner)]),
  );
}

export function compactJson(value: unknown): string {
  return escapeMarkup(JSON.stringify(value) ?? "null");
}

export function formatJson(value: unknown, indent = 4): string {
  return escapeMarkup(JSON.stringify(value, null, indent) ?? "null");
}

function escapeMarkup(text: string): string {
  return text.replace(/[<>&\u2028\u2029]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
