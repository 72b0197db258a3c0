// `npm run chaos -- [--for 10m] [--seed N] [--pods 8]`: pods come and go on one node while agent, engine, API and containers are killed at
// random and the agent hangs. Ends with 0 if exactly the wanted pods were there in the end, none restarted without a reason, and nothing was left.
import { parseArgs } from "node:util";
import { parseDuration } from "@coxswain/daemon";
import { runChaos } from "../test/protocol/chaos.ts";
import { whyNoContainers } from "../test/protocol/node.ts";
import { Failure, runScript } from "./cluster/failure.ts";

await runScript(async () => {
  const { values } = parseArgs({
    options: {
      for: { type: "string", default: "10m" },
      seed: { type: "string", default: "1" },
      pods: { type: "string", default: "8" },
    },
  });
  const [forMs, seed, most] = [parseDuration(values.for), Number(values.seed), Number(values.pods)];
  if (forMs === undefined) throw new Failure(`--for: expected a duration such as 10m, found ${values.for}`);
  if (!Number.isSafeInteger(seed)) throw new Failure(`--seed: expected a number, found ${values.seed}`);
  if (!Number.isSafeInteger(most) || most < 1) throw new Failure(`--pods: expected a number, found ${values.pods}`);
  const absence = whyNoContainers();
  if (absence !== undefined) throw new Failure(absence);
  const say = (text: string): void => void process.stdout.write(`${text}\n`);
  const { created, deleted, strikes, violations } = await runChaos({ forMs, seed, most, mayHang: true, say });
  say(`${created} pods created, ${deleted} deleted`);
  for (const [name, times] of Object.entries(strikes)) say(`  ${times} × ${name}`);
  for (const violation of violations) say(violation);
  return violations.length === 0 ? 0 : 1;
});
