// `npm run reset`: stops the cluster and forgets it: objects, certificates, logs. Built images are kept.
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Failure, runScript } from "./cluster/failure.ts";
import { endRunning } from "./cluster/instance.ts";
import { layoutOf } from "./cluster/layout.ts";
import { parseDataDir } from "./cluster/options.ts";

/** What a start puts into a data directory; nothing else is touched. */
const ours = ["cluster.json", "instance.json", "kubeconfig", "lab", "logs", "machines", "pki", "volumes"];

await runScript(async () => {
  const layout = layoutOf(parseDataDir(process.argv.slice(2)));
  await endRunning(layout);
  if (!existsSync(layout.dataDir)) return;
  if (
    !existsSync(layout.clusterFile) &&
    readdirSync(layout.dataDir).some((name) => !ours.includes(name) && name !== "images" && name !== "docker")
  ) {
    throw new Failure(`${layout.dataDir} is not a data directory of ours; nothing was removed`);
  }
  for (const name of ours) rmSync(join(layout.dataDir, name), { recursive: true, force: true });
  process.stdout.write(`forgot the cluster in ${layout.dataDir}\n`);
});
