// The net that planted bugs are caught with, run in a copy of the tree: simulated seeds until one breaks a promise. Prints one line of JSON.
// `node scripts/planted/net.ts SEEDS`.
import { runSeeds } from "@coxswain/sim";
import type { RunResult } from "@coxswain/sim";

export interface Catch {
  readonly check: string;
  readonly seed: number;
  readonly message: string;
}

const say = (caught: Catch | undefined): never => {
  process.stdout.write(`${JSON.stringify(caught ?? {})}\n`);
  process.exit(0);
};

let seed = 0;
process.on("unhandledRejection", (error) =>
  say({ check: "a promise nobody owned", seed, message: error instanceof Error ? error.message : String(error) }),
);
process.on("uncaughtException", (error) => say({ check: "an exception nobody caught", seed, message: error.message }));

await runSeeds({
  from: 1,
  seeds: Number(process.argv[2] ?? "500"),
  enough: () => false,
  onResult({ plan, violation }: RunResult) {
    seed = plan.seed + 1;
    if (violation) say({ check: violation.check, seed: plan.seed, message: violation.message });
  },
});
say(undefined);
