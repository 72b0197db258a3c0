// `npm run format`: lays out the sources as the formatter wants them.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { runScript } from "./cluster/failure.ts";
import { projectRoot } from "./cluster/layout.ts";

await runScript(async () => {
  const prettier = join(projectRoot, "node_modules", ".bin", "prettier");
  const folders = ["packages", "scripts", "test", "bench"];
  return (
    spawnSync(prettier, ["--write", "--log-level=warn", ...folders], { cwd: projectRoot, stdio: "inherit" }).status ?? 1
  );
});
