/** The order of an API's versions: v2 before v1, stable before beta before alpha, names of another shape last, by the alphabet. */
const shape = /^v(\d+)(?:(alpha|beta)(\d+))?$/;
const ranks: Readonly<Record<string, number>> = { alpha: 1, beta: 2 };

/** Negative when `left` comes first: what clients should prefer. */
export function compareVersions(left: string, right: string): number {
  const a = shape.exec(left);
  const b = shape.exec(right);
  if (!a || !b) return a ? -1 : b ? 1 : left < right ? -1 : left > right ? 1 : 0;
  const [, majorA, stageA = "", minorA = "0"] = a;
  const [, majorB, stageB = "", minorB = "0"] = b;
  return (
    (ranks[stageB] ?? 3) - (ranks[stageA] ?? 3) || Number(majorB) - Number(majorA) || Number(minorB) - Number(minorA)
  );
}
