// What is done when machines are lost for good: an empty one in the place of a master, a cluster from its backup.
import { cpSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { ComposeLab } from "../cluster/compose-lab.ts";
import { Failure } from "../cluster/failure.ts";
import { freshInvitation, timed, untilServing } from "./join.ts";
import type { Say } from "./join.ts";
import { livingVoters, revisionOf } from "./look.ts";
import { until } from "./smoke.ts";

/** A machine without power comes back with nothing of ours on its disk but the images. */
export async function powerUpEmpty(lab: ComposeLab, name: string): Promise<void> {
  const { data, compose } = lab.directoryOf(name);
  rmSync(data, { recursive: true });
  rmSync(compose, { recursive: true });
  rmSync(join(lab.machine(name).directory, "docker", "containers"), { recursive: true, force: true });
  await lab.lab.on(name);
}

/** An empty machine takes the place of a master that has no power. */
export async function replaceMaster(
  lab: ComposeLab,
  say: Say,
  options: {
    readonly witness: string;
    readonly name: string;
    readonly voters: number;
    readonly more?: Readonly<Record<string, string>>;
  },
): Promise<void> {
  const { witness, name, voters, more } = options;
  await powerUpEmpty(lab, name);
  await timed(say, "a dead master replaced by an empty machine of its name", async () => {
    await lab.up(name, "master", { ...(await freshInvitation(lab, witness)), ...more });
    await lab.whenReady(witness, [name]);
    await untilServing(lab, name);
    await until(`${name} votes`, 180_000, async () =>
      (await livingVoters(lab, witness)) === voters ? true : undefined,
    );
  });
}

export interface Backup {
  /** A directory on the computer that runs the lab, outside of its machines. */
  readonly directory: string;
  readonly revision: number;
}

export async function backUp(lab: ComposeLab, name: string): Promise<Backup> {
  const inside = join(lab.directoryOf(name).data, "backup");
  const made = await lab.cox(name, ["backup", inside]);
  if (made.code !== 0) throw new Failure(made.stderr);
  const directory = join(lab.machine(name).directory, "..", `backup-of-${name}`);
  cpSync(inside, directory, { recursive: true });
  return { directory, revision: (await revisionOf(lab, name)) ?? 0 };
}

/** A machine that was of no cluster begins with a backup; the nodes of before are no more. */
export async function restoreOnto(
  lab: ComposeLab,
  say: Say,
  { backup, name, lost }: { readonly backup: Backup; readonly name: string; readonly lost: readonly string[] },
): Promise<void> {
  const target = join(lab.directoryOf(name).data, "backup");
  mkdirSync(lab.directoryOf(name).data, { recursive: true });
  cpSync(backup.directory, target, { recursive: true });
  lab.prepare(name, "single");
  await timed(say, "restore to a ready node", async () => {
    const restored = await lab.compose(name, ["run", "--rm", "setup", "cox", "restore", target, "--single"]);
    if (restored.code !== 0) throw new Failure(`restore: ${restored.stderr}`);
    await lab.compose(name, ["up", "-d"]);
    await lab.whenReady(name, [name]);
  });
  const after = (await revisionOf(lab, name)) ?? 0;
  if (after <= backup.revision + 1_000_000)
    throw new Failure(`revisions were not moved on: ${backup.revision} and then ${after}`);
  for (const node of lost) await lab.must(name, ["delete", "node", node]);
  // Their statuses are of before: the controllers have to find out first that their node is no more.
  await timed(say, "pods of the lost nodes made anew", () =>
    until("no pod is on a lost node", 180_000, async () => {
      const places = ["get", "pods", "-A", "-o", "jsonpath={.items[*].spec.nodeName}"];
      return (await lab.must(name, places)).split(" ").some((node) => lost.includes(node)) ? undefined : true;
    }),
  );
}
