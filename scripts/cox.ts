// `npm run -s cox -- …`: our command line, from the sources.
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { runScript } from "./cluster/failure.ts";
import { daemonEntry } from "./cluster/layout.ts";

await runScript(() => {
  const child = spawn(process.execPath, [daemonEntry("cox"), ...process.argv.slice(2)], { stdio: "inherit" });
  process.on("SIGINT", () => undefined); // The terminal tells the child as well; we only report its end.
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  return new Promise<number>((resolve) => {
    child.once("exit", (code, signal) => resolve(signal === null ? (code ?? 1) : 128 + constants.signals[signal]));
  });
});
