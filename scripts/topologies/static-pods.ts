// What is different where the node agents run the control plane.
import type { ComposeLab } from "../cluster/compose-lab.ts";
import { Failure } from "../cluster/failure.ts";
import { until } from "./smoke.ts";

/** Each master's mirrors are ready, and its control plane is containers of pods, not of compose. */
export async function lookAtStaticPods(lab: ComposeLab, master: string, names: readonly string[]): Promise<void> {
  const expected = names
    .flatMap((name) => ["apiserver", "controller-manager", "scheduler", "store"].map((daemon) => `${daemon}-${name}`))
    .sort();
  await until("the static pods are ready", 180_000, async () => {
    const rows = await lab.must(master, [
      ...["-n", "kube-system", "get", "pods", "-l", "tier=control-plane", "-o"],
      'jsonpath={range .items[*]}{.metadata.name} {.status.conditions[?(@.type=="Ready")].status}{"\\n"}{end}',
    ]);
    const ready = rows.split("\n").flatMap((row) => (row.endsWith(" True") ? [row.replace(" True", "")] : []));
    return ready.sort().join() === expected.join() ? true : undefined;
  });
  for (const name of names) {
    const { stdout } = await lab.compose(name, ["ps", "--services", "--filter", "status=running"]);
    const doubled = stdout.split("\n").filter((service) => ["store", "apiserver", "scheduler"].includes(service));
    if (doubled.length > 0) throw new Failure(`compose runs ${doubled.join(", ")} on ${name}, too`);
  }
}
