// A cluster over three zones, a master and a worker in each, and one of them without a way to the others.
import type { ComposeLab } from "../cluster/compose-lab.ts";
import { joinMasters, joinWorkers, timed } from "./join.ts";
import type { Say } from "./join.ts";
import { countOf, kubeconfigOf, livingVoters, noneLost } from "./look.ts";
import { smoke, until } from "./smoke.ts";
import { startWriter } from "./writer.ts";

const zones = { a: ["m1", "m4"], b: ["m2", "m5"], c: ["m3", "m6"] } as const;
const living = [...zones.a, ...zones.b];
const workers = ["m4", "m5", "m6"];
const replicas = 6;

export async function loseZone(lab: ComposeLab, say: Say): Promise<void> {
  await lab.up("m1", "master", { COXSWAIN_PROFILE: "fast" });
  await lab.whenReady("m1", ["m1"]);
  await joinWorkers(lab, say, "m1", workers);
  await joinMasters(lab, say, "m1", ["m2", "m3"]);
  for (const [zone, names] of Object.entries(zones))
    await lab.must("m1", ["label", "node", ...names, `topology.kubernetes.io/zone=${zone}`]);
  await smoke(lab, "m1", workers);
  await lab.must("m1", ["-n", "demo", "scale", "deployment/web", `--replicas=${replicas}`]);
  await untilReadyOn(lab, workers);

  const writer = startWriter(kubeconfigOf(lab, "m1"), "zones");
  await until("some writes", 180_000, async () => ((await countOf(lab, "m1", "zones")) > 20 ? true : undefined));
  const pairs = zones.c.flatMap((lost) => living.map((other) => [lost, other] as const));
  await lab.lab.cut(
    pairs.flatMap(([lost, other]) => [
      { from: lost, to: other },
      { from: other, to: lost },
    ]),
  );
  await timed(say, "a zone is cut off: its pods run in the others", () => untilReadyOn(lab, ["m4", "m5"]));
  const before = await countOf(lab, "m1", "zones");
  await until("writes go on", 180_000, async () =>
    (await countOf(lab, "m1", "zones")) > before + 20 ? true : undefined,
  );
  const written = await writer.stop();
  await noneLost(lab, "m2", written);
  say(`${written.acknowledged.length} writes, none lost, longest pause ${Math.round(written.longestPauseMs)} ms`);

  await lab.lab.heal();
  await lab.whenReady("m1", [...living, ...zones.c]);
  await until("all members vote", 180_000, async () => ((await livingVoters(lab, "m1")) === 3 ? true : undefined));
  await smoke(lab, "m3", workers);
}

/** All copies are ready, each of these machines has some, and no other has any. */
async function untilReadyOn(lab: ComposeLab, names: readonly string[]): Promise<void> {
  const shape = `{range .items[*]}{.spec.nodeName} {.status.conditions[?(@.type=="Ready")].status}{"\\n"}{end}`;
  await until(`${replicas} ready copies on ${names.join(", ")}`, 180_000, async () => {
    const rows = await lab.must("m1", ["-n", "demo", "get", "pods", "-l", "app=web", "-o", `jsonpath=${shape}`]);
    const ready = rows.split("\n").flatMap((row) => (row.endsWith(" True") ? [row.replace(" True", "")] : []));
    const places = [...new Set(ready)].sort();
    return ready.length === replicas && places.join() === [...names].sort().join() ? true : undefined;
  });
}
