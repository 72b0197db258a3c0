// What a node agent's `/metrics/resource` says, read into values. Only the few families that the metrics API needs. Pure.

export interface Point {
  readonly atMs: number;
  readonly cpuSeconds: number;
  readonly memoryBytes: number;
}

export interface ContainerPoint extends Point {
  readonly startedAtMs: number | undefined;
}

export interface NodeSample {
  readonly node: Point | undefined;
  /** By namespace/pod, then by container. */
  readonly pods: ReadonlyMap<string, ReadonlyMap<string, ContainerPoint>>;
}

interface Draft {
  atMs?: number;
  cpuSeconds?: number;
  memoryBytes?: number;
  startedAtMs?: number;
}

/** `nowMs` is the time of samples that carry none. */
export function readSample(text: string, nowMs: number): NodeSample {
  const node: Draft = {};
  const pods = new Map<string, Map<string, Draft>>();
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const [, name = "", block = "", value = "", time] = /^([a-z_]+)(?:\{(.*)\})? (\S+)(?: (\d+))?$/.exec(line) ?? [];
    const number = Number(value);
    if (name === "" || Number.isNaN(number)) continue;
    const atMs = time === undefined ? nowMs : Number(time);
    if (name === "node_cpu_usage_seconds_total") Object.assign(node, { atMs, cpuSeconds: number });
    else if (name === "node_memory_working_set_bytes") node.memoryBytes = number;
    else if (name.startsWith("container_")) {
      const labels = labelsIn(block);
      const container = draftOf(pods, `${labels.get("namespace")}/${labels.get("pod")}`, labels.get("container") ?? "");
      if (name === "container_cpu_usage_seconds_total") Object.assign(container, { atMs, cpuSeconds: number });
      else if (name === "container_memory_working_set_bytes") container.memoryBytes = number;
      else if (name === "container_start_time_seconds") container.startedAtMs = number * 1000;
    }
  }
  return {
    node: pointOf(node),
    pods: new Map(
      [...pods].map(([key, containers]) => [
        key,
        new Map(
          [...containers].flatMap(([name, draft]) => {
            const point = pointOf(draft);
            return point ? [[name, { ...point, startedAtMs: draft.startedAtMs }] as const] : [];
          }),
        ),
      ]),
    ),
  };
}

function draftOf(pods: Map<string, Map<string, Draft>>, pod: string, container: string): Draft {
  const containers = pods.get(pod) ?? new Map<string, Draft>();
  pods.set(pod, containers);
  const draft = containers.get(container) ?? {};
  containers.set(container, draft);
  return draft;
}

function pointOf({ atMs, cpuSeconds, memoryBytes }: Draft): Point | undefined {
  return atMs === undefined || cpuSeconds === undefined || memoryBytes === undefined
    ? undefined
    : { atMs, cpuSeconds, memoryBytes };
}

function labelsIn(block: string): ReadonlyMap<string, string> {
  const labels = new Map<string, string>();
  for (const [, name = "", text = ""] of block.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g))
    labels.set(
      name,
      text.replaceAll(/\\(.)/g, (_, escaped: string) => (escaped === "n" ? "\n" : escaped)),
    );
  return labels;
}
