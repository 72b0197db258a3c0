// What a disk breaks in the files of a stopped member: when it starts again it has what the others have, or it refuses in one
// sentence that names what is broken. It never serves anything else; and it comes back from its peers.
import { cp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { createSeededRandom } from "@coxswain/clock/testing";
import type { EtcdClient } from "@coxswain/etcd-api";
import { describe, expect, it } from "vitest";
import { createProcessGroup } from "../../packages/store/testing/processes.ts";
import type { MemberFlags, ProcessGroup } from "../../packages/store/testing/processes.ts";
import { drawDamage, inflict } from "../../scripts/robustness/damage.ts";
import type { Damage } from "../../scripts/robustness/damage.ts";

const cases = 16;
const asOthers = "as the others";

/**
 * Has everything, or says which file. level itself ends the process over some of what it finds in its tables, with words of its own.
 */
const asItShould = /: (as the others|refused: (store: .*\/m3\/|node: .*leveldb.*Assertion))/;

describe("a member whose files were damaged while it was stopped", () => {
  it(
    "has what the others have, or refuses and says what is broken; then it comes back from them",
    { timeout: 300_000 },
    async () => {
      await using group = await createProcessGroup();
      const three = await flagsOfThree(group);
      const [first, , third] = three as [Flags, Flags, Flags];
      const [, , started] = await Promise.all(three.map((flags) => group.start(flags)));
      const client = group.client(first.clientPort);
      await fill(client, 300);
      await group.client(third.clientPort).maintenance.defragment({}, { timeoutMs: 30_000 });
      await fill(client, 300);
      const truth = await everything(client);
      await started?.kill("SIGKILL");
      const files = join(group.directory, third.name);
      const whole = join(group.directory, "whole");
      await cp(files, whole, { recursive: true });

      const random = createSeededRandom(4);
      const outcomes: string[] = [];
      for (let count = 0; count < cases; count++) {
        const damage = await drawDamage(files, random);
        await inflict(files, damage);
        const outcome = await startDamaged(group, third, truth);
        outcomes.push(`${describeDamage(damage)}: ${outcome}`);
        // One that ran has promised more since; to take that back is another kind of fault than a broken file.
        const [from, to] = outcome === asOthers ? [files, whole] : [whole, files];
        await rm(to, { recursive: true });
        await cp(from, to, { recursive: true });
      }
      expect(outcomes.filter((outcome) => !asItShould.test(outcome))).toEqual([]);
      expect(outcomes.some((outcome) => outcome.includes("refused"))).toBe(true);

      // The way back: out of the cluster, and in again with nothing.
      const { members } = await client.cluster.memberList({});
      await client.cluster.memberRemove({ id: members.find(({ name }) => name === third.name)?.id ?? 0n });
      for (const entry of await readdir(files)) await rm(join(files, entry), { recursive: true });
      await client.cluster.memberAdd({ peerURLs: [`https://127.0.0.1:${third.peerPort}`] });
      await group.start({ ...third, more: ["--initial-cluster-state", "existing"] });
      expect(await everything(group.client(third.clientPort))).toEqual(truth);
    },
  );
});

/** What became of the start. */
async function startDamaged(group: ProcessGroup, flags: Flags, truth: readonly string[]): Promise<string> {
  let member;
  try {
    member = await group.start(flags);
  } catch (error) {
    return `refused: ${(error as Error).message.replaceAll(group.directory, "")}`;
  }
  const client = group.client(flags.clientPort);
  try {
    const found = await everything(client);
    const different = found.filter((line, position) => line !== truth[position]);
    if (found.length === truth.length && different.length === 0) return asOthers;
    return `SERVED SOMETHING ELSE: ${found.length} instead of ${truth.length} keys, ${different.slice(0, 3).join(", ")}`;
  } catch (error) {
    // It may notice only when it reads, and end then.
    const words = member.output().trim().split("\n").at(-1) ?? "";
    return member.child.exitCode === null
      ? `does not serve: ${(error as Error).message}`
      : `refused: ${words.replaceAll(group.directory, "")}`;
  } finally {
    client.close();
    await member.kill("SIGKILL");
  }
}

async function fill(client: EtcdClient, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await client.kv.put({ key: `key ${i % 200}`, value: `${i} `.repeat(40) });
}

/** Every key as this member has it, once it has caught up. */
async function everything(client: EtcdClient): Promise<readonly string[]> {
  await client.kv.range({ key: "key" }, { timeoutMs: 10_000 });
  const { kvs } = await client.kv.range({ key: "\0", rangeEnd: "\0", serializable: true });
  return kvs.map((kv) => `${kv.key.toString()} ${kv.modRevision} ${kv.version} ${kv.value.toString("latin1")}`);
}

type Flags = MemberFlags & { readonly peerPort: number };

async function flagsOfThree(group: ProcessGroup): Promise<readonly Flags[]> {
  const names = ["m1", "m2", "m3"];
  const ports = await Promise.all(names.flatMap(() => [group.freePort(), group.freePort()]));
  const flags = names.map((name, i) => ({ name, clientPort: ports[2 * i] ?? 0, peerPort: ports[2 * i + 1] ?? 0 }));
  const initialCluster = flags.map(({ name, peerPort }) => `${name}=https://127.0.0.1:${peerPort}`).join(",");
  return flags.map((each) => ({ ...each, initialCluster }));
}

function describeDamage({ kind, file, offset }: Damage): string {
  return `${kind} at ${offset} of ${file}`;
}
