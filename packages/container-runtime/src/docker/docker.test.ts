// The suite against a real Docker Engine. It is skipped, with the reason in its name, where there is none or where the
// two images have not been built.
import { accessSync } from "node:fs";
import { describe, test } from "vitest";
import { systemClock } from "@coxswain/clock";
import { createDockerRuntime } from "../index.ts";
import { runtimeSuite } from "../../testing/index.ts";

const socketPath = "/var/run/docker.sock";
const images = ["coxswain/pause:1", "coxswain/busybox:1"] as const;
const absence = await whyAbsent();

if (absence) describe("Docker", () => test.skip(`keeps the runtime's promises (skipped: ${absence})`));
else {
  const runtime = createDockerRuntime({ socketPath, cluster: "runtime-suite" }, { clock: systemClock });
  runtimeSuite(
    "Docker",
    async () => {
      for (const left of await runtime.list()) await runtime.removePodSandbox(left.id);
      for (const left of await runtime.list()) await runtime.removeContainer(left.id);
      return { runtime, sandboxImage: images[0], image: images[1] };
    },
    async () => runtime.close(),
  );
}

async function whyAbsent(): Promise<string | undefined> {
  try {
    accessSync(socketPath);
  } catch {
    return `no Docker Engine at ${socketPath}`;
  }
  const runtime = createDockerRuntime({ socketPath, cluster: "runtime-suite" }, { clock: systemClock });
  try {
    for (const image of images) if (!(await runtime.imageStatus(image))) return `the image ${image} is not there`;
    return undefined;
  } finally {
    runtime.close();
  }
}
