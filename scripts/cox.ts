// `npm run -s cox -- …`: our command line, from the sources.
import { runInForeground } from "./cluster/child.ts";
import { runScript } from "./cluster/failure.ts";
import { daemonEntry } from "./cluster/layout.ts";

await runScript(() => runInForeground(daemonEntry("cox"), process.argv.slice(2)));
