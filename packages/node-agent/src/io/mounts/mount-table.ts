// What is mounted below a directory, from the kernel's own table; and how to mount and unmount there.
import { readFile } from "node:fs/promises";
import { runTool } from "../net/tool.ts";

/** Mount points at or below the directory, the deepest first. */
export async function mountsBelow(directory: string): Promise<readonly string[]> {
  const table = await readFile("/proc/self/mountinfo", "utf8");
  const points = table.split("\n").flatMap((line) => {
    const point = unescape(line.split(" ")[4] ?? "");
    return point === directory || point.startsWith(`${directory}/`) ? [point] : [];
  });
  return points.toSorted((a, b) => b.length - a.length);
}

export async function mountTmpfs(directory: string, sizeBytes: number | undefined): Promise<void> {
  const size = sizeBytes === undefined ? [] : ["-o", `size=${Math.floor(sizeBytes)}`];
  await runTool("mount", ["-t", "tmpfs", ...size, "tmpfs", directory]);
}

/** Memory of pages of that size ("2Mi"), of which the machine must have some set aside. */
export async function mountHugePages(directory: string, pageSize: string): Promise<void> {
  await runTool("mount", ["-t", "hugetlbfs", "-o", `pagesize=${pageSize}`, "nodev", directory]);
}

export async function unmount(point: string): Promise<void> {
  await runTool("umount", [point]).catch(() => runTool("umount", ["-l", point]));
}

/** The table writes blanks and the like as octal escapes. */
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
