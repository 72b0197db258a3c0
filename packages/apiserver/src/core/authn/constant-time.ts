// Comparison of secrets that takes as long for a near miss as for a far one.

export function equalInConstantTime(known: string, given: string): boolean {
  let difference = known.length ^ given.length;
  for (let i = 0; i < known.length; i++)
    difference |= known.charCodeAt(i) ^ (given.length === 0 ? 1 : given.charCodeAt(i % given.length));
  return difference === 0;
}
