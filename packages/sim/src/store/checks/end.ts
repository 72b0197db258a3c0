// What must become true when the faults are over: every member runs, answers and agrees with the others, and every watch has been told
// everything. It waits for that; whoever calls it has a limit. What can be false for a moment is asked again, what can not is a violation.
import type { Dice } from "../../world/dice.ts";
import type { World } from "../../world/world.ts";
import { Client } from "../client.ts";
import type { ClientPorts } from "../client.ts";
import type { Cluster } from "../cluster.ts";
import type { Machine } from "../machine.ts";
import type { FaultInjector } from "../faults.ts";
import { inspect } from "../observer.ts";
import type { Observer } from "../observer.ts";
import type { Operator } from "../operator.ts";
import { Violation } from "../violation.ts";
import type { Watcher } from "../watcher.ts";

export interface EndPorts {
  readonly world: World;
  readonly dice: Dice;
  readonly cluster: Cluster;
  readonly operator: Operator;
  readonly faults: FaultInjector;
  readonly observer: Observer;
  readonly watchers: readonly Watcher[];
  readonly clientPorts: ClientPorts;
}

export async function checkEnd(ports: EndPorts): Promise<void> {
  const { operator, cluster, observer, faults } = ports;
  observer.waitingFor = "the last faults";
  await faults.settled();
  observer.waitingFor = "the operator's tasks";
  await operator.idle();
  observer.waitingFor = "a list of the members";
  await operator.reconcile();
  await eachAnswers(ports);
  await allAgree(ports);
  await watchersSee(ports);
  // Backends are flushed within a tenth of a second: then everything that was applied has been observed.
  await operator.wait(500);
  for (const machine of cluster.machines)
    if (machine.state.is === "ended") throw new Violation("progress", `${machine.name} ended: ${machine.state.reason}`);
}

/** A write and a read through every member, learners excepted: they refuse both. */
async function eachAnswers({ dice, cluster, clientPorts, operator, observer }: EndPorts): Promise<void> {
  const client = new Client(99, dice.fork("prober"), clientPorts);
  for (const machine of cluster.machines) {
    for (;;) {
      const status = await machine.ask((each) => each.maintenance.status({}));
      if (status?.isLearner) break;
      observer.waitingFor = `an answer of ${machine.name}`;
      const written = status && (await client.ask(clientPorts.workload.probe(), machine, 9000));
      if (written?.kind === "ok") {
        const read = await client.ask({ kind: "range", key: "probe" }, machine, 9000);
        if (read.kind === "ok") break;
      }
      // Full is full: what was promised is that deletes still work.
      if (written?.kind === "failed" && written.reason.includes("space exceeded")) break;
      await operator.wait(200);
    }
  }
}

async function allAgree({ cluster, operator, observer }: EndPorts): Promise<void> {
  for (;;) {
    const answers = await Promise.all(cluster.machines.map(hashOf));
    observer.waitingFor = `equal revisions and hashes: ${inspect(answers)}`;
    const [first] = answers;
    const complete = answers.every((answer) => answer !== undefined);
    if (first && complete) {
      const comparable = answers.every(
        (answer) => answer?.revision === first.revision && answer.compactRevision === first.compactRevision,
      );
      const equal = answers.every((answer) => answer?.hash === first.hash);
      if (comparable && !equal)
        throw new Violation(
          "equal hashes",
          answers
            .map((answer, at) => `${cluster.machines[at]?.name}: ${answer?.hash} at ${answer?.revision}`)
            .join(", "),
        );
      if (comparable) return;
    }
    await operator.wait(200);
  }
}

async function hashOf(
  machine: Machine,
): Promise<{ readonly hash: number; readonly revision: number; readonly compactRevision: number } | undefined> {
  const answer = await machine.ask((client) => client.maintenance.hashKV({ revision: 0 }));
  return (
    answer && { hash: answer.hash, revision: answer.header?.revision ?? 0, compactRevision: answer.compactRevision }
  );
}

async function watchersSee({ watchers, observer, operator, cluster }: EndPorts): Promise<void> {
  const leader = await cluster.leader();
  const status = await leader?.ask((client) => client.maintenance.status({}));
  const newest = status?.header?.revision ?? observer.newestRevision;
  observer.waitingFor = `watches that have seen revision ${newest}`;
  while (watchers.some((watcher) => !watcher.over && watcher.seen < newest)) {
    for (const watcher of watchers) watcher.requestProgress();
    await operator.wait(300);
  }
}
