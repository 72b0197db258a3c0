// What every cluster must do, however it is laid out: run a deployment on the machines that may, answer by its service's name, keep masters
// free of plain pods, and say of itself that all is well.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { ComposeLab } from "../cluster/compose-lab.ts";
import { Failure } from "../cluster/failure.ts";
import { projectRoot } from "../cluster/layout.ts";

export async function smoke(lab: ComposeLab, master: string, runners: readonly string[]): Promise<void> {
  const demo = readFileSync(join(projectRoot, "deploy", "demo", "demo.yaml"), "utf8");
  await lab.must(master, ["apply", "-f", "-"], demo);
  await lab.must(master, ["-n", "demo", "rollout", "status", "deployment/web", "--timeout=100s"]);
  const places = (
    await lab.must(master, ["-n", "demo", "get", "pods", "-l", "app=web", "-o", "jsonpath={.items[*].spec.nodeName}"])
  )
    .trim()
    .split(" ");
  const wrong = places.filter((place) => !runners.includes(place));
  if (wrong.length > 0 || places.length < 2)
    throw new Failure(`pods run on ${places.join(", ")}, expected only ${runners.join(", ")}`);
  const question = `const{get}=require("http");get("http://web.demo.svc.cluster.local",(a)=>{a.on("data",(d)=>process.stdout.write(d))}).on("error",(e)=>{console.error(e.message);process.exit(1)})`;
  const answer = await until("the service answers a pod by its name", 180_000, async () => {
    // Asked anew each time: the first of a moment ago may be on its way out.
    const running = ["get", "pods", "-l", "app=web", "--field-selector=status.phase=Running", "-o", "name"];
    const [pod = ""] = (await lab.must(master, ["-n", "demo", ...running])).trim().split("\n");
    const { code, stdout } = await lab.kubectl(master, [
      "-n",
      "demo",
      "exec",
      pod,
      "--",
      "/usr/bin/node",
      "-e",
      question,
    ]);
    return code === 0 && stdout.includes("Ahoy") ? stdout : undefined;
  });
  if (!answer.includes("on node")) throw new Failure(`the service answers ${answer}`);
  const ready = await lab.must(master, ["get", "--raw", "/readyz?verbose"]);
  if (!ready.includes("passed")) throw new Failure(`readyz: ${ready}`);
}

/** Looks again until there is something. */
export async function until<T>(what: string, timeoutMs: number, look: () => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let last: unknown = "not yet";
  while (performance.now() < deadline) {
    try {
      const found = await look();
      if (found !== undefined) return found;
    } catch (error) {
      last = error;
    }
    await delay(250);
  }
  throw new Failure(
    `${what}: not within ${timeoutMs / 1000} s (${last instanceof Error ? last.message : String(last)})`,
  );
}
