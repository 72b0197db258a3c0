// One run: a cluster under load and faults, then without either, and everything that must be true of it. The same plan and the same
// sources give the same run, to the byte.
import { createDice } from "../world/dice.ts";
import { World } from "../world/world.ts";
import { checkEnd } from "./checks/end.ts";
import { checkHistory } from "./checks/history.ts";
import { judge } from "./checks/judges.ts";
import { Client } from "./client.ts";
import { Cluster } from "./cluster.ts";
import { FaultInjector } from "./faults.ts";
import { Observer } from "./observer.ts";
import { Operator } from "./operator.ts";
import type { Plan } from "./plan.ts";
import { Recorder } from "./recorder.ts";
import { Violation } from "./violation.ts";
import { Watcher } from "./watcher.ts";
import { Workload } from "./workload.ts";

export interface RunResult {
  readonly plan: Plan;
  /** The first broken promise. */
  readonly violation: Violation | undefined;
  readonly simulatedMs: number;
  readonly events: number;
  readonly operations: number;
  readonly watches: number;
  /** The newest revision. */
  readonly revision: number;
  /** How often each kind of fault was injected. */
  readonly faults: ReadonlyMap<string, number>;
  /** What else happened, by name. */
  readonly counts: ReadonlyMap<string, number>;
  /** Checks that could not be finished in the steps they have. */
  readonly undecided: number;
  /** Hash over all that happened. */
  readonly trace: string;
}

/** After the faults have ended, the cluster must agree and answer within this. */
const livenessMs = 40_000;

export async function runStore(plan: Plan, listener?: (line: string) => void): Promise<RunResult> {
  const world = new World(listener);
  const dice = createDice(plan.seed, plan.luck === 0 ? "run" : `run ${plan.luck}`);
  const observer = new Observer(world, listener);
  const recorder = new Recorder(world);
  const cluster = new Cluster(world, dice.fork("cluster"), plan, observer);
  const workload = new Workload(dice.fork("workload"), plan.mix);
  const operator = new Operator(world, dice.fork("operator"), cluster, observer);
  const faults = new FaultInjector(world, cluster, operator, plan);
  const phase = { safety: true };
  const rates = { client: plan.rates.clientLoss };
  const machines = (): readonly ReturnType<Cluster["add"]>[] => cluster.trusted;
  const clientPorts = { world, recorder, workload, machines, loss: () => rates.client };

  cluster.found();
  const clients = Array.from(
    { length: plan.clients },
    (_, id) => new Client(id, dice.fork(`client ${id}`), clientPorts),
  );
  const watchers: Watcher[] = [];
  for (let id = 0; id < plan.watchers; id++) {
    const own = dice.fork(`watcher ${id}`);
    world.schedule(own.between(0, plan.safetyMs * 700), `watcher ${id} begins`, () => {
      const request = {
        ...own.pick([
          { key: "k", rangeEnd: "l" },
          { key: "k1" },
          { key: "", rangeEnd: "\0" },
          { key: "k0", rangeEnd: "k3" },
        ]),
        ...own.pick([
          {},
          { startRevision: 1 + own.int(Math.max(1, workload.newestSeen)) },
          { startRevision: workload.newestSeen + own.int(3) },
        ]),
        previous: own.chance(0.5),
      };
      watchers.push(
        new Watcher(id, own, { ...request, key: request.key === "" ? "\0" : request.key }, own.chance(0.4), {
          world,
          recorder,
          machines,
        }),
      );
    });
  }
  let failure: Violation | undefined;
  let undecided = 0;
  const failed = (): boolean => observer.failure !== undefined;
  const until = async (label: string, limitMs: number, work: Promise<unknown>): Promise<void> => {
    let done = false;
    const deadline = world.schedule(limitMs * 1000, `${label} is late`, () =>
      observer.fail("progress", `${label} takes longer than ${limitMs} ms: ${observer.waitingFor}`),
    );
    work.then(
      () => (done = true),
      (error: unknown) => {
        done = true;
        if (!(error instanceof Violation)) throw error;
        failure ??= error;
      },
    );
    await world.run(() => done || failed());
    deadline.cancel();
  };

  try {
    const load = clients.map((client, id) =>
      id < plan.ahead
        ? client.runAhead(plan.thinkMs + 40, () => phase.safety)
        : client.run(plan.thinkMs, () => phase.safety),
    );
    faults.begin();
    world.schedule(plan.safetyMs * 1000, "the storm is over", () => {
      phase.safety = false;
      rates.client = 0;
      faults.end();
    });
    await world.run(() => !phase.safety || failed());
    if (!failed()) await until("the load's end", livenessMs, Promise.all(load));
    if (!failed())
      await until(
        "the end",
        livenessMs,
        checkEnd({ world, dice: dice.fork("end"), cluster, operator, faults, observer, watchers, clientPorts }),
      );
    for (const watcher of watchers) watcher.close();
    failure ??= observer.failure ?? checkHistory(recorder.history(), observer);
    if (!failure) {
      const judgement = judge(recorder.history(), observer);
      failure = judgement.violation;
      undecided = judgement.undecided;
    }
  } catch (error) {
    failure ??= new Violation(
      "the simulation itself",
      error instanceof Error ? (error.stack ?? error.message) : String(error),
    );
  }
  return {
    plan,
    violation: failure ?? observer.failure,
    simulatedMs: world.now / 1000,
    events: world.events,
    operations: recorder.operationCount,
    watches: recorder.watchCount,
    revision: observer.newestRevision,
    faults: faults.injected,
    counts: observer.counts,
    undecided,
    trace: world.digest(),
  };
}
