// What a pod as a whole may use: the kubelet's rules (its ResourceConfigForPod), in the numbers of cgroups of version 1. Pure; version 2's are `unified.ts`'s,
// where the cgroup lies is `names.ts`'s, the kernel's files are `io/cgroup/`'s.
import type { Container, Pod } from "@coxswain/api/core/v1";
import { amountOf } from "../container/amount.ts";
import { pageBytesOf } from "../container/huge-pages.ts";
import { cpuQuotaOf, cpuSharesOf, leastShares, qosOf } from "../container/resources.ts";
import { containersOf, isSidecar } from "../pod/lifecycle.ts";

export interface CgroupLimits {
  readonly cpuShares: number;
  readonly cpuQuotaUs: number | undefined;
  readonly memoryBytes: number | undefined;
  /** Threads count as processes. */
  readonly processes?: number | undefined;
  /** Bytes by the size of a page; none of other sizes. Undefined: as many of all as there are. */
  readonly hugePages?: ReadonlyMap<number, number> | undefined;
}

/** The container that holds the pod's namespaces needs some, too: a container is to meet its own limit before its pod's. */
const sandboxBytes = 8 * 2 ** 20;

/** `processes`: how many each pod may have on this node. */
export function podLimits(pod: Pod, processes?: number): CgroupLimits {
  return { ...sharesAndBytes(pod), processes, hugePages: hugePages(pod) };
}

function sharesAndBytes(pod: Pod): CgroupLimits {
  if (qosOf(pod) === "BestEffort") return { cpuShares: leastShares, cpuQuotaUs: undefined, memoryBytes: undefined };
  const own = pod.spec?.resources;
  const ownCpu = amountOf(own?.limits?.["cpu"]);
  const ownMemory = amountOf(own?.limits?.["memory"]);
  const cpuRequest = amountOf(own?.requests?.["cpu"]) ?? ownCpu ?? aggregate(pod, (container) => requestOf(container));
  const quota =
    ownCpu === undefined ? ifAll(pod, (container) => cpuQuotaOf(limitOf(container, "cpu"))) : cpuQuotaOf(ownCpu);
  const memory = ifAll(pod, (container) => limitOf(container, "memory"));
  return {
    cpuShares: cpuSharesOf(cpuRequest),
    cpuQuotaUs: quota,
    memoryBytes:
      ownMemory !== undefined
        ? Math.floor(ownMemory)
        : memory === undefined
          ? undefined
          : Math.floor(memory) + sandboxBytes,
  };
}

/** What the pod says of itself as a whole counts, otherwise what its containers ask for. */
function hugePages(pod: Pod): ReadonlyMap<number, number> {
  const own = { ...pod.spec?.resources?.limits, ...pod.spec?.resources?.requests };
  const { init, regular } = containersOf(pod);
  const askedOf = ({ resources }: Container, name: string): number =>
    amountOf(resources?.requests?.[name] ?? resources?.limits?.[name]) ?? 0;
  const names = [...init, ...regular].flatMap(({ resources }) =>
    Object.keys({ ...resources?.limits, ...resources?.requests }),
  );
  return new Map(
    [...new Set([...Object.keys(own), ...names])].flatMap((name): [number, number][] => {
      const pageBytes = pageBytesOf(name);
      if (pageBytes === undefined) return [];
      return [[pageBytes, amountOf(own[name]) ?? aggregate(pod, (container) => askedOf(container, name))]];
    }),
  );
}

/** Burstable pods share what they have asked for together; those that ask for nothing get what nobody wants. */
export function burstableShares(pods: readonly Pod[]): number {
  const burstable = pods.filter((pod) => qosOf(pod) === "Burstable");
  return Math.max(
    leastShares,
    burstable.reduce((total, pod) => total + podLimits(pod).cpuShares, 0),
  );
}

/** The sum, when every container has such a limit: one without has none, and so has the pod. */
function ifAll(pod: Pod, of: (container: Container) => number | undefined): number | undefined {
  const { init, regular } = containersOf(pod);
  if ([...init, ...regular].some((container) => !of(container))) return undefined;
  return aggregate(pod, (container) => of(container) ?? 0);
}

/** Containers and sidecars together, or the largest init container on top of the sidecars before it. */
function aggregate(pod: Pod, of: (container: Container) => number): number {
  const { init, regular } = containersOf(pod);
  let sidecars = 0;
  let peak = 0;
  for (const container of init) {
    if (isSidecar(container)) sidecars += of(container);
    peak = Math.max(peak, isSidecar(container) ? sidecars : sidecars + of(container));
  }
  return Math.max(
    peak,
    regular.reduce((total, container) => total + of(container), sidecars),
  );
}

function requestOf(container: Container): number {
  const { requests, limits } = container.resources ?? {};
  return amountOf(requests?.["cpu"]) ?? amountOf(limits?.["cpu"]) ?? 0;
}

function limitOf(container: Container, name: "cpu" | "memory"): number | undefined {
  return amountOf(container.resources?.limits?.[name]);
}
