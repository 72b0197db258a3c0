// Sets of completion indexes in the notation of a Job's status ("1,3-5,7"), and the names of the environment an indexed pod gets.

export function parseIndexes(text: string | undefined): ReadonlySet<number> {
  const indexes = new Set<number>();
  for (const part of (text ?? "").split(",")) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part.trim());
    if (!match) continue;
    for (let index = Number(match[1]); index <= Number(match[2] ?? match[1]); index++) indexes.add(index);
  }
  return indexes;
}

/** Two neighbours are written with a comma, three and more with a dash, as Kubernetes writes them. */
export function formatIndexes(indexes: Iterable<number>): string {
  const sorted = [...indexes].sort((a, b) => a - b);
  const parts: string[] = [];
  for (let start = 0; start < sorted.length;) {
    let end = start;
    while (sorted[end + 1] === (sorted[end] ?? 0) + 1) end++;
    if (end - start >= 1)
      parts.push(end - start === 1 ? `${sorted[start]},${sorted[end]}` : `${sorted[start]}-${sorted[end]}`);
    else parts.push(String(sorted[start]));
    start = end + 1;
  }
  return parts.join(",");
}
