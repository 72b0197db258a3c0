#!/usr/bin/env node
// The process of the commands about a machine: argv, environment, signals and the exit code. It loads nothing of the other commands, so that
// the keeper stays small.
import { systemClock, systemRandom } from "@coxswain/clock";
import { StatusError } from "@coxswain/apimachinery";
import { runMachineCommand } from "./commands.ts";

const aborter = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.on(signal, () => aborter.abort(new Error(`stopped by ${signal}`)));
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));

try {
  process.exitCode = await runMachineCommand(process.argv.slice(2), {
    env: process.env,
    clock: systemClock,
    random: systemRandom,
    signal: aborter.signal,
    write: (text) => void process.stdout.write(text),
  });
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  const said =
    error instanceof StatusError && error.status.code === 401
      ? "the cluster does not accept this token or certificate (Unauthorized): it has expired or is another cluster's"
      : message;
  process.stderr.write(`cox: ${said.replace(/\s*\n\s*/g, " ")}\n`);
  process.exitCode = 1;
}
