// The fake keeps the suite's promises, so that what is tested with it holds for a real engine.
import { systemClock } from "@coxswain/clock";
import { createFakeRuntime, runtimeSuite, suiteCommands } from "../testing/index.ts";
import type { FakeProgram } from "../testing/index.ts";

const programs: readonly [readonly string[], FakeProgram][] = [
  [suiteCommands.forever, { stdout: "out\n", stderr: "err\n" }],
  [suiteCommands.ends, { stdout: "done\n", endsAfterMs: 5, exitCode: 3 }],
  [suiteCommands.stubborn, { ignoresTerm: true }],
  [suiteCommands.missing, { refuses: 'exec: "/no/such/program": no such file or directory' }],
];

runtimeSuite("the fake runtime", async () => ({
  sandboxImage: "pause",
  image: "busybox",
  runtime: createFakeRuntime(
    { clock: systemClock },
    {
      images: [{ reference: "pause" }, { reference: "busybox" }],
      program: (config) => programs.find(([command]) => command.join() === config.command.join())?.[1] ?? {},
    },
  ),
}));
