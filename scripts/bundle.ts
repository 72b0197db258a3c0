// `npm run bundle`: makes the command line start faster, until one of its sources changes.
import { bundleCox } from "./cluster/cox-bundle.ts";
import { runScript } from "./cluster/failure.ts";

await runScript(async () => {
  process.stdout.write(`packages/cox/dist: made of ${await bundleCox()} sources\n`);
});
