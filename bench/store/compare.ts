// Runs a load against both systems by turns, round after round, and sums up what the ratios were.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import type { Figure } from "../bench.ts";
import type { LoadJob, LoadResult } from "./load.ts";
import { leaderOf, systemNames } from "./systems.ts";
import type { System, SystemName } from "./systems.ts";

const loadMain = new URL("load.ts", import.meta.url).pathname;

export async function load(job: LoadJob): Promise<LoadResult> {
  const child = spawn(process.execPath, [loadMain, JSON.stringify(job)], { stdio: ["ignore", "pipe", "inherit"] });
  const [output] = await Promise.all([text(child.stdout), once(child, "exit")]);
  if (child.exitCode !== 0) throw new Error(`the load ended with ${child.exitCode}`);
  return JSON.parse(output) as LoadResult;
}

export interface Case {
  readonly name: string;
  readonly job: Omit<LoadJob, "endpoints" | "seconds">;
  /** `rate`: more is better. `p99`: less is. */
  readonly measure: "rate" | "p99";
  /** One client asks a member that does not lead; otherwise the one that does. Many are spread over all. */
  readonly atFollower?: boolean;
}

/** One figure for each system's median, and the ratio ours to etcd's: lowest, median, highest over the rounds. */
export async function compare(
  cases: readonly Case[],
  systems: Readonly<Record<SystemName, System>>,
  { rounds, seconds, say }: { rounds: number; seconds: number; say: (text: string) => void },
): Promise<readonly Figure[]> {
  const found = new Map(cases.map((each) => [each.name, { ours: [] as number[], etcd: [] as number[] }]));
  for (let round = 0; round < rounds; round++) {
    for (const { name, job, measure, atFollower = false } of cases) {
      const order = round % 2 === 0 ? systemNames : systemNames.toReversed();
      for (const system of order) {
        const endpoints = await endpointsOf(systems[system], atFollower);
        const result = await load({ ...job, seconds, endpoints });
        found.get(name)?.[system].push(measure === "rate" ? result.perSecond : result.p99Ms);
        if (result.errors > 0) say(`${name}: ${result.errors} errors from ${system}`);
      }
    }
  }
  return cases.flatMap(({ name, measure }) => {
    const values = found.get(name) ?? { ours: [], etcd: [] };
    return ratioFigures(name, measure === "rate" ? "/s" : "ms", values);
  });
}

/** The leader first, or last: whom one client asks must not be left to an election. */
async function endpointsOf(system: System, leaderLast: boolean): Promise<readonly string[]> {
  const leader = (await leaderOf(system)).endpoint;
  const others = system.endpoints.filter((endpoint) => endpoint !== leader);
  return leaderLast ? [...others, leader] : [leader, ...others];
}

export function ratioFigures(
  name: string,
  unit: string,
  values: { readonly ours: readonly number[]; readonly etcd: readonly number[] },
): readonly Figure[] {
  const ratios = values.ours.map((ours, round) => ours / (values.etcd[round] ?? NaN)).toSorted((a, b) => a - b);
  return [
    { name: `${name}, ours`, unit, value: median(values.ours) },
    { name: `${name}, etcd`, unit, value: median(values.etcd) },
    { name: `${name}, ratio min`, unit: "×", value: ratios[0] ?? NaN },
    { name: `${name}, ratio median`, unit: "×", value: median(ratios) },
    { name: `${name}, ratio max`, unit: "×", value: ratios.at(-1) ?? NaN },
  ];
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? NaN)
    : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
}
