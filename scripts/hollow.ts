// `npm run hollow -- --nodes 500 [--data-dir DIR] [flag…]`: adds simulated nodes to a running cluster until Ctrl-C. They register, take pods and
// say that these run; nothing does. Every other flag goes to the program as it is.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { openPki } from "./cluster/certificates.ts";
import { Failure, runScript } from "./cluster/failure.ts";
import { defaultDataDir, layoutOf } from "./cluster/layout.ts";
import { hollowEntry, hollowFlags, hollowMachine } from "./cluster/processes.ts";

const usage = `Usage: npm run hollow -- --nodes N [--data-dir DIR] [flags]

Adds N simulated nodes to the running cluster of --data-dir, until Ctrl-C. \`--help-flags\` lists all flags.
`;

await runScript(async () => {
  const words = process.argv.slice(2);
  if (words.includes("--help")) {
    process.stdout.write(usage);
    return 0;
  }
  const program = words.map((word) => (word === "--help-flags" ? "--help" : word));
  const at = program.findIndex((word) => word === "--data-dir" || word.startsWith("--data-dir="));
  const taken = at < 0 ? [] : program.splice(at, program[at] === "--data-dir" ? 2 : 1);
  const layout = layoutOf(at < 0 ? defaultDataDir : resolve(taken.join("=").replace(/^--data-dir=/, "")));
  if (!existsSync(layout.adminKubeconfig))
    throw new Failure(`there is no cluster in ${layout.dataDir}; \`npm start\` makes one`);
  const pki = await openPki(layout.pkiDir);
  await pki.ensureNode(hollowMachine, ["127.0.0.1"]);
  process.stderr.write("These nodes are SIMULATED: no container runs on them.\n");
  const child = spawn(process.execPath, [hollowEntry, ...hollowFlags({ layout, pki }), ...program], {
    stdio: "inherit",
  });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => void child.kill(signal));
  return new Promise<number>((end) => child.once("exit", (code) => end(code ?? 1)));
});
