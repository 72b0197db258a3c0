// Huge pages that a pod asks for: how many bytes of which size of page, and which size a volume made of them has. As the kubelet; pure.
import type { Pod } from "@coxswain/api/core/v1";
import { containersOf } from "../pod/lifecycle.ts";
import { amountOf } from "./amount.ts";

const prefix = "hugepages-";

/** The bytes of one page, of a resource's name ("hugepages-2Mi"); undefined for other resources. */
export function pageBytesOf(resource: string): number | undefined {
  return resource.startsWith(prefix) ? amountOf(resource.slice(prefix.length)) : undefined;
}

/** As the kernel calls pages of that size in the names of a cgroup's files. */
export function pageName(pageBytes: number): string {
  const units = ["KB", "MB", "GB"] as const;
  const power = pageBytes >= 2 ** 30 ? 3 : pageBytes >= 2 ** 20 ? 2 : 1;
  return `${pageBytes / 1024 ** power}${units[power - 1] ?? ""}`;
}

/** The page's size, as mount takes it, of a volume with the medium `HugePages` or `HugePages-SIZE`; undefined for other media. */
export function volumePageSize(
  medium: string,
  pod: Pod,
): { readonly size: string } | { readonly error: string } | undefined {
  if (medium !== "HugePages" && !medium.startsWith("HugePages-")) return undefined;
  const { init, regular } = containersOf(pod);
  // Requests may be left out: then they are the limits.
  const asked = [pod.spec?.resources, ...[...init, ...regular].map(({ resources }) => resources)].flatMap((resources) =>
    Object.keys({ ...resources?.limits, ...resources?.requests }).filter((name) => name.startsWith(prefix)),
  );
  const own = medium.slice("HugePages-".length);
  const sizes = new Set(asked.filter((name) => own === "" || pageBytesOf(name) === amountOf(own)));
  const [first, second] = sizes;
  if (first === undefined)
    return { error: `medium ${medium}: hugePages storage requested, but there is no resource request for huge pages` };
  if (second !== undefined)
    return { error: `medium: ${medium} can't be used if container requests multiple huge page sizes` };
  return { size: first.slice(prefix.length) };
}
