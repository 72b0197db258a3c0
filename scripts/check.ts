// `npm run check`: types, lint, formatting. Prints what is wrong; exit code 1 when anything is.
import { runChecks } from "./checks.ts";
import { runScript } from "./cluster/failure.ts";

await runScript(async () => {
  const results = await runChecks();
  for (const { name, passed, output, durationMs } of results) {
    process.stdout.write(`${passed ? "✓" : "✗"} ${name} (${(durationMs / 1000).toFixed(1)} s)\n`);
    if (!passed) process.stdout.write(`${output}\n`);
  }
  return results.every((result) => result.passed) ? 0 : 1;
});
