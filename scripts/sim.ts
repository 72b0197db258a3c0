// `npm run sim -- store [--seeds N] [--from SEED] [--for 10m]`: simulated clusters, one seed after the other, until one breaks a promise
// or the time is up. A failing seed is made small, and the command that repeats it is printed:
// `npm run sim -- store --seed N [--only FAULTS] [--without RATES] [--until MS] [--clients N] [--watchers N] [--luck N] [--trace]`.
import { parseArgs } from "node:util";
import { parseDuration } from "@coxswain/daemon";
import { commandOf, drawPlan, rateNames, reduced, runSeeds, runStore, shrink } from "@coxswain/sim";
import type { RateName, Reduction, RunResult, Totals } from "@coxswain/sim";
import { Failure, runScript } from "./cluster/failure.ts";

const usage = `usage: npm run sim -- store [--seeds N] [--from SEED] [--for DURATION] [--keep-going]
       npm run sim -- store --seed N [--only ID,… | --only none] [--without ${rateNames.join(",")}]
                            [--until MS] [--clients N] [--watchers N] [--luck N] [--trace]
`;

const options = {
  seeds: { type: "string", default: "1000" },
  from: { type: "string", default: "1" },
  for: { type: "string" },
  "keep-going": { type: "boolean", default: false },
  seed: { type: "string" },
  only: { type: "string" },
  without: { type: "string" },
  until: { type: "string" },
  clients: { type: "string" },
  watchers: { type: "string" },
  luck: { type: "string" },
  trace: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

const say = (text: string): void => void process.stdout.write(`${text}\n`);

await runScript(async () => {
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  if (values.help) return say(usage);
  if (positionals.join() !== "store") throw new Failure(`expected what to simulate, "store"\n${usage}`);
  if (values.seed !== undefined) return repeat(numberOf("seed", values.seed), reductionOf(values), values.trace);
  const limitMs = values.for === undefined ? undefined : parseDuration(values.for);
  if (values.for !== undefined && limitMs === undefined)
    throw new Failure(`--for: expected a duration such as 10m, found ${values.for}`);
  return many({
    from: numberOf("from", values.from),
    seeds: numberOf("seeds", values.seeds),
    limitMs,
    keepGoing: values["keep-going"],
  });
});

interface Many {
  readonly from: number;
  readonly seeds: number;
  readonly limitMs: number | undefined;
  readonly keepGoing: boolean;
}

async function many({ from, seeds, limitMs, keepGoing }: Many): Promise<number> {
  const startMs = performance.now();
  let saidMs = startMs;
  let stop = false;
  const totals = await runSeeds({
    from,
    seeds,
    enough: () => stop || (limitMs !== undefined && performance.now() - startMs >= limitMs),
    async onResult(result, soFar) {
      if (result.violation) {
        await explain(result, {});
        stop = !keepGoing;
      }
      if (performance.now() - saidMs < 10_000) return;
      saidMs = performance.now();
      say(summary(soFar, saidMs - startMs));
    },
  });
  say(`${summary(totals, performance.now() - startMs)}\n`);
  say(`faults: ${countsOf(totals.faults)}`);
  if (totals.counts.size > 0) say(`and: ${countsOf(totals.counts)}`);
  return totals.failed > 0 ? 1 : 0;
}

async function repeat(seed: number, reduction: Reduction, trace: boolean): Promise<number> {
  const plan = reduced(drawPlan(seed), reduction);
  say(JSON.stringify(plan, undefined, 1));
  const result = await runStore(plan, trace ? say : undefined);
  say(`seed ${seed}: ${result.events} events, ${result.operations} operations, trace ${result.trace}`);
  if (!result.violation) return 0;
  await explain(result, reduction);
  return 1;
}

async function explain(result: RunResult, reduction: Reduction): Promise<void> {
  const { seed } = result.plan;
  say(`\nseed ${seed} breaks "${result.violation?.check}": ${result.violation?.message}`);
  const small = await shrink(result, reduction);
  const { plan, violation, operations, simulatedMs } = small.result;
  say(
    `\nsmallest after ${small.runs} runs: ${plan.faults.length} faults, ${operations} operations, ${(simulatedMs / 1000).toFixed(1)} s`,
  );
  say(plan.faults.map(({ id, kind, atMs, forMs }) => `  ${id}: ${kind} at ${atMs} ms for ${forMs} ms`).join("\n"));
  say(`"${violation?.check}": ${violation?.message}`);
  say(`\nrepeat it with: ${commandOf(seed, small.reduction)}\n`);
}

function summary(totals: Totals, elapsedMs: number): string {
  const { seeds, failed, simulatedMs, events, operations, watches, undecided } = totals;
  const seconds = elapsedMs / 1000;
  return (
    `${seeds} seeds, ${failed} failed; ${(simulatedMs / 1000).toFixed(0)} simulated seconds in ${seconds.toFixed(1)} s ` +
    `(${(simulatedMs / elapsedMs).toFixed(0)} a second); ${events} events, ${operations} operations and ${watches} watches checked` +
    (undecided > 0 ? `, ${undecided} checks undecided` : "")
  );
}

function countsOf(counts: ReadonlyMap<string, number>): string {
  return [...counts].map(([name, count]) => `${name} ${count}`).join(", ");
}

function reductionOf(values: {
  only?: string;
  without?: string;
  until?: string;
  clients?: string;
  watchers?: string;
  luck?: string;
}): Reduction {
  const without = (values.without ?? "").split(",").filter((name) => name !== "");
  const unknown = without.find((name) => !rateNames.includes(name as RateName));
  if (unknown !== undefined) throw new Failure(`--without: expected some of ${rateNames.join(", ")}, found ${unknown}`);
  return {
    ...(values.only === undefined
      ? {}
      : { only: values.only === "none" ? [] : values.only.split(",").map((id) => numberOf("only", id)) }),
    without: without as RateName[],
    ...(values.until === undefined ? {} : { untilMs: numberOf("until", values.until) }),
    ...(values.clients === undefined ? {} : { clients: numberOf("clients", values.clients) }),
    ...(values.watchers === undefined ? {} : { watchers: numberOf("watchers", values.watchers) }),
    ...(values.luck === undefined ? {} : { luck: numberOf("luck", values.luck) }),
  };
}

function numberOf(flag: string, text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 0) throw new Failure(`--${flag}: expected a number, found ${text}`);
  return number;
}
