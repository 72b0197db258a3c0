// `npm run robustness -- [--for 3m] [--seed N]`: three real members under load and faults; every promise is checked from what the clients
// saw. Ends with 0 if none was broken. Needs root, for network namespaces and a small disk.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createSeededRandom } from "@coxswain/clock/testing";
import { parseDuration } from "@coxswain/daemon";
import { Failure, runScript } from "./cluster/failure.ts";
import { projectRoot } from "./cluster/layout.ts";
import { runRobustness } from "./robustness/run.ts";

await runScript(async () => {
  const { values } = parseArgs({
    options: { for: { type: "string", default: "3m" }, seed: { type: "string", default: "1" } },
  });
  const durationMs = parseDuration(values.for);
  const seed = Number(values.seed);
  if (durationMs === undefined) throw new Failure(`--for: expected a duration such as 2h, found ${values.for}`);
  if (!Number.isSafeInteger(seed)) throw new Failure(`--seed: expected a number, found ${values.seed}`);
  if (process.getuid?.() !== 0) throw new Failure("network namespaces and a small disk need root");
  const say = (text: string): void => void process.stdout.write(`${text}\n`);
  const aborter = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => aborter.abort(new Failure(`ended by ${signal}`)));
  const report = await runRobustness({
    signal: aborter.signal,
    durationMs,
    roundMs: 60_000,
    killsInARow: 100,
    random: createSeededRandom(seed),
    say,
    async keep({ history, verdicts }, members) {
      const folder = join(projectRoot, ".cache", "robustness", `seed-${seed}`);
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, "history.json"), JSON.stringify(history));
      for (const name of members.names()) await writeFile(join(folder, `${name}.log`), members.words(name));
      for (const { violations } of verdicts)
        for (const { because, drawing } of violations.slice(0, 5)) say(`\n${because}\n${drawing}`);
      say(`\nThe recording and the members' logs are in ${folder}`);
    },
  });
  say(
    `${report.outcome}: ${report.rounds} rounds, ${report.operations} operations (${report.unknown} of unknown outcome), ${report.events} watch events, checked in ${(report.checkMs / 1000).toFixed(1)} s`,
  );
  for (const [name, times] of Object.entries(report.strikes)) say(`  ${times} × ${name}`);
  if (report.outcome === "passed") return 0;
  say(`again: npm run robustness -- --for ${values.for} --seed ${seed}`);
  return 1;
});
