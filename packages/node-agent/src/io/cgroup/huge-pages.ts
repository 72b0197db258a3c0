// Limits of huge pages in a cgroup, one file for each size of page that the machine has; of both versions. Where the kernel has no such controller there
// is no file, and nobody is held to anything.
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pageName } from "../../core/container/huge-pages.ts";

/** More than any machine has: the kernel takes it in both versions. */
const unlimited = 2n ** 62n;

export function limitHugePages(directory: string, limits: ReadonlyMap<number, number> | undefined): void {
  if (!existsSync(directory)) return;
  const asked = new Map([...(limits ?? [])].map(([pageBytes, bytes]) => [pageName(pageBytes), bytes]));
  for (const file of readdirSync(directory)) {
    const name = /^hugetlb\.(\d+[KMG]B)\.(limit_in_bytes|max)$/.exec(file)?.[1];
    if (name === undefined) continue;
    const text = limits === undefined ? `${unlimited}` : `${asked.get(name) ?? 0}`;
    if (readFileSync(join(directory, file), "latin1").trim() !== text) writeFileSync(join(directory, file), text);
  }
}
