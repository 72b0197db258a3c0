// `npm run -s cox -- …`: our command line, from its bundle or its sources. `node_modules/.bin/cox` is the same and starts sooner.
import { join } from "node:path";
import { runInForeground } from "./cluster/child.ts";
import { runScript } from "./cluster/failure.ts";
import { projectRoot } from "./cluster/layout.ts";

await runScript(() => runInForeground(join(projectRoot, "packages", "cox", "bin", "cox.cjs"), process.argv.slice(2)));
