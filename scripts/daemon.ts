// `npm run -s daemon -- NAME [FLAG…]`: runs one daemon in the foreground with the pinned Node.
import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { Failure, runScript } from "./cluster/failure.ts";
import { daemonEntry, projectRoot } from "./cluster/layout.ts";

await runScript(async () => {
  const [name, ...args] = process.argv.slice(2);
  if (name === undefined || name.startsWith("-"))
    throw new Failure(`usage: npm run -s daemon -- NAME [FLAG…]; NAME is one of ${daemons().join(", ")}`);
  if (!daemons().includes(name)) throw new Failure(`there is no daemon ${name}; there are ${daemons().join(", ")}`);
  const child = spawn(process.execPath, [daemonEntry(name), ...args], { stdio: "inherit" });
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    process.on(signal, () => signal === "SIGTERM" && child.kill(signal));
  return new Promise<number>((resolve) => {
    child.once("exit", (code, signal) => resolve(signal === null ? (code ?? 1) : 128 + constants.signals[signal]));
  });
});

function daemons(): readonly string[] {
  const packages = readdirSync(join(projectRoot, "packages"));
  return packages.filter((name) => name !== "cox" && existsSync(daemonEntry(name))).sort();
}
