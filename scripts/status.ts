// `npm run status`: what runs, since when, and how often it had to be started again. Exit code 3 when nothing runs.
import { runScript } from "./cluster/failure.ts";
import { runningInstance } from "./cluster/instance.ts";
import { layoutOf } from "./cluster/layout.ts";
import { parseDataDir } from "./cluster/options.ts";

await runScript(async () => {
  const layout = layoutOf(parseDataDir(process.argv.slice(2)));
  const instance = runningInstance(layout);
  if (!instance) {
    process.stdout.write(`no cluster runs on ${layout.dataDir}\n`);
    return 3;
  }
  const header = [
    `cluster ${instance.phase} since ${instance.startedAt}, supervisor ${instance.pid}, API ${instance.apiServer}`,
    "",
  ];
  const rows = instance.processes.map(({ name, machine, pid, restarts }) =>
    [name.padEnd(20), machine.padEnd(20), String(pid ?? "down").padEnd(8), String(restarts)].join(" "),
  );
  const title = ["DAEMON".padEnd(20), "MACHINE".padEnd(20), "PID".padEnd(8), "RESTARTS"].join(" ");
  process.stdout.write([...header, title, ...rows, ""].join("\n"));
  return 0;
});
