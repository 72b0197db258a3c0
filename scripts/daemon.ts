// `npm run -s daemon -- NAME [FLAG…]`: runs one daemon in the foreground with the pinned Node.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { runInForeground } from "./cluster/child.ts";
import { Failure, runScript } from "./cluster/failure.ts";
import { daemonEntry, projectRoot } from "./cluster/layout.ts";

await runScript(async () => {
  const [name, ...args] = process.argv.slice(2);
  if (name === undefined || name.startsWith("-"))
    throw new Failure(`usage: npm run -s daemon -- NAME [FLAG…]; NAME is one of ${daemons().join(", ")}`);
  if (!daemons().includes(name)) throw new Failure(`there is no daemon ${name}; there are ${daemons().join(", ")}`);
  return runInForeground(daemonEntry(name), args);
});

function daemons(): readonly string[] {
  const packages = readdirSync(join(projectRoot, "packages"));
  return packages.filter((name) => name !== "cox" && existsSync(daemonEntry(name))).sort();
}
