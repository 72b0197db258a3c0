// `npm stop`: asks the supervisor to end daemons and pods in order and waits until everything is gone. Data stays.
import { runScript } from "./cluster/failure.ts";
import { endRunning } from "./cluster/instance.ts";
import { layoutOf } from "./cluster/layout.ts";
import { parseDataDir } from "./cluster/options.ts";

await runScript(async () => {
  const layout = layoutOf(parseDataDir(process.argv.slice(2)));
  const stopped = await endRunning(layout);
  process.stdout.write(
    stopped ? "stopped; `npm start` resumes the same cluster\n" : `no cluster runs on ${layout.dataDir}\n`,
  );
});
