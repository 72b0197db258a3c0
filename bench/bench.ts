// What a benchmark is, and how figures are summed up. Benchmarks run on demand against the cluster that `npm start` brought up.
import type { Client } from "@coxswain/client";

export interface Benchmark {
  /** One sentence: what is measured, from where to where. */
  readonly summary: string;
  run(world: World): Promise<readonly Figure[]>;
}

/** One that needs no cluster. */
export interface StandaloneBenchmark {
  readonly summary: string;
  /** `words` are what stands behind the benchmark's name. */
  measure(say: (text: string) => void, words: readonly string[]): Promise<readonly Figure[]>;
}

export interface World {
  readonly client: Client;
  /** Process ids of the daemons, by name. */
  readonly pids: Readonly<Record<string, number>>;
  say(text: string): void;
}

export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly value: number;
}

/** p50, p99 and the largest of some durations, in milliseconds. */
export function summarize(name: string, durationsMs: readonly number[]): readonly Figure[] {
  const sorted = durationsMs.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  return [
    { name: `${name} p50`, unit: "ms", value: at(0.5) },
    { name: `${name} p99`, unit: "ms", value: at(0.99) },
    { name: `${name} max`, unit: "ms", value: sorted.at(-1) ?? Number.NaN },
  ];
}
