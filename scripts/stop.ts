// `npm stop`: asks the supervisor to end daemons and pods in order and waits until everything is gone. Data stays.
import { setTimeout as delay } from "node:timers/promises";
import { processRuns } from "./cluster/docker.ts";
import { runScript } from "./cluster/failure.ts";
import { runningInstance } from "./cluster/instance.ts";
import { layoutOf } from "./cluster/layout.ts";
import { parseDataDir } from "./cluster/options.ts";

await runScript(async () => {
  const layout = layoutOf(parseDataDir(process.argv.slice(2)));
  const instance = runningInstance(layout);
  if (!instance) {
    process.stdout.write(`no cluster runs on ${layout.dataDir}\n`);
    return;
  }
  process.stdout.write("stopping daemons and pods …\n");
  process.kill(instance.pid, "SIGTERM");
  while (processRuns(instance.pid)) await delay(50);
  process.stdout.write("stopped; `npm start` resumes the same cluster\n");
});
