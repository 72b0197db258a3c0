// From two samples of a counter to what is in use now, in the metrics API's words and quantities. After metrics-server's
// storage: the window lies between the two samples; a container younger than the first counts from its start. Pure.
import type { ContainerPoint, NodeSample, Point } from "./samples.ts";

export interface Usage {
  readonly timestampMs: number;
  readonly windowMs: number;
  readonly cpuNanoCores: number;
  readonly memoryBytes: number;
}

/** The last two samples of a node, oldest first. */
export type History = readonly NodeSample[];

/** A window shorter than this says too little. */
const shortestWindowMs = 500;

export function nodeUsage(history: History): Usage | undefined {
  const [before, after] = history.slice(-2).map((sample) => sample.node);
  return before && after ? usageBetween(before, after) : undefined;
}

/** By container; undefined when any running container has no usage yet, as metrics-server leaves such pods out. */
export function podUsage(history: History, key: string): ReadonlyMap<string, Usage> | undefined {
  const last = history.at(-1)?.pods.get(key);
  if (!last || last.size === 0) return undefined;
  const before = history.length > 1 ? history.at(-2)?.pods.get(key) : undefined;
  const usages = new Map<string, Usage>();
  for (const [name, point] of last) {
    const usage = usageBetween(baseOf(before?.get(name), point), point);
    if (!usage) return undefined;
    usages.set(name, usage);
  }
  return usages;
}

function baseOf(before: ContainerPoint | undefined, after: ContainerPoint): Point | undefined {
  const sameLife = before !== undefined && before.startedAtMs === after.startedAtMs;
  if (sameLife && before.cpuSeconds <= after.cpuSeconds) return before;
  return after.startedAtMs === undefined ? undefined : { atMs: after.startedAtMs, cpuSeconds: 0, memoryBytes: 0 };
}

function usageBetween(before: Point | undefined, after: Point): Usage | undefined {
  if (!before) return undefined;
  const windowMs = after.atMs - before.atMs;
  const seconds = after.cpuSeconds - before.cpuSeconds;
  if (windowMs < shortestWindowMs || seconds < 0) return undefined;
  return {
    timestampMs: after.atMs,
    windowMs,
    cpuNanoCores: Math.round((seconds / windowMs) * 1e12),
    memoryBytes: after.memoryBytes,
  };
}

/** As Kubernetes writes them: the largest unit that leaves a whole number. */
export function cpuQuantity(nanoCores: number): string {
  return scaled(nanoCores, 1000, ["n", "u", "m", "", "k"]);
}

export function memoryQuantity(bytes: number): string {
  return scaled(bytes, 1024, ["", "Ki", "Mi", "Gi", "Ti"]);
}

function scaled(value: number, step: number, units: readonly string[]): string {
  if (value === 0) return "0";
  let at = 0;
  let rest = value;
  while (at < units.length - 1 && rest % step === 0) {
    rest /= step;
    at += 1;
  }
  return `${rest}${units[at]}`;
}

/** Go's form of a duration, to the millisecond. */
export function durationText(ms: number): string {
  const whole = Math.round(ms);
  if (whole < 1000) return `${whole}ms`;
  const minutes = Math.floor(whole / 60_000);
  const seconds = String((whole % 60_000) / 1000);
  return minutes === 0 ? `${seconds}s` : `${minutes}m${seconds}s`;
}
