// `npm run -s kubeconfig`: prints the path of the running cluster's admin kubeconfig.
import { Failure, runScript } from "./cluster/failure.ts";
import { runningInstance } from "./cluster/instance.ts";
import { layoutOf } from "./cluster/layout.ts";
import { parseDataDir } from "./cluster/options.ts";

await runScript(async () => {
  const layout = layoutOf(parseDataDir(process.argv.slice(2)));
  if (!runningInstance(layout)) throw new Failure(`no cluster runs on ${layout.dataDir}; \`npm start\` brings one up`);
  process.stdout.write(`${layout.adminKubeconfig}\n`);
});
