// Does to a cluster what its plan says, and undoes it when its time is up. Which machine a fault hits is a number in the plan, so that
// leaving out one fault does not move the others.
import { setRate } from "../world/process.ts";
import type { DiskFaults } from "../world/disk.ts";
import type { World } from "../world/world.ts";
import type { Cluster } from "./cluster.ts";
import type { Machine } from "./machine.ts";
import type { Operator } from "./operator.ts";
import type { Fault, Plan } from "./plan.ts";

export class FaultInjector {
  readonly #world: World;
  readonly #cluster: Cluster;
  readonly #operator: Operator;
  readonly #plan: Plan;
  readonly injected = new Map<string, number>();
  #over = false;
  #underWay: Promise<unknown> = Promise.resolve();
  /** Disks that are breaking promises now: what ends that. */
  readonly #ruining = new Map<number, () => void>();
  /** Which links the standing network faults cut. */
  readonly #cuts = new Map<number, readonly string[]>();

  constructor(world: World, cluster: Cluster, operator: Operator, plan: Plan) {
    this.#world = world;
    this.#cluster = cluster;
    this.#operator = operator;
    this.#plan = plan;
  }

  begin(): void {
    const { loss, duplicate, reorder, delay } = this.#plan.rates;
    Object.assign(this.#cluster.network.faults, { loss, duplicate, reorder, delay });
    for (const fault of this.#plan.faults) {
      this.#world.schedule(fault.atMs * 1000, `fault ${fault.kind} ${fault.id}`, () => {
        this.#underWay = Promise.all([this.#underWay, this.#inject(fault)]);
      });
    }
  }

  /** Resolves when no fault is still looking for its victim. */
  async settled(): Promise<void> {
    await this.#underWay;
  }

  /** Everything works again from now on. */
  end(): void {
    this.#over = true;
    this.#cuts.clear();
    for (const strike of this.#ruining.values()) strike();
    this.#cluster.heal();
  }

  async #inject(fault: Fault): Promise<void> {
    if (this.#over) return;
    const machine = await this.#victim(fault);
    if (!machine || this.#over) return;
    this.injected.set(fault.kind, (this.injected.get(fault.kind) ?? 0) + 1);
    this.#world.note(`${fault.kind} hits ${machine.name}`);
    switch (fault.kind) {
      case "kill":
        return this.#down([machine], (each) => each.kill(), fault);
      case "power":
        return this.#down([machine], (each) => each.losePower(), fault);
      case "kill-all":
        return this.#down(this.#cluster.trusted, (each) => each.kill(), fault);
      case "power-all":
        return this.#down(this.#cluster.trusted, (each) => each.losePower(), fault);
      case "stop":
        return this.#down([machine], (each) => void this.#stop(each), fault);
      case "pause":
        machine.process?.pause();
        return this.#after(fault, () => machine.process?.resume());
      case "split":
      case "one-way":
      case "bridge":
      case "isolate-leader":
        this.#cuts.set(fault.id, this.#linksOf(fault, machine));
        this.#recut();
        return this.#after(fault, () => {
          this.#cuts.delete(fault.id);
          this.#recut();
        });
      case "clock-jump":
        machine.oscillator.wallOffsetMs += Math.round((fault.how - 0.5) * 7_200_000);
        return;
      case "clock-drift":
        setRate(machine.oscillator, this.#world.now, 0.7 + fault.how * 0.6);
        return this.#after(fault, () => setRate(machine.oscillator, this.#world.now, 1));
      case "slow-disk":
        machine.disk.faults.latency = this.#plan.diskMicros * (20 + 500 * fault.how);
        return this.#after(fault, () => this.#cluster.healDisk(machine));
      case "full-disk":
        machine.disk.faults.full = true;
        return this.#after(fault, () => this.#cluster.healDisk(machine));
      case "fail-sync":
        machine.disk.faults.failSync = 1;
        return this.#after({ ...fault, forMs: Math.min(fault.forMs, 100) }, () => {
          machine.disk.faults.failSync = 0;
          // What the failed sync lost may be gone for good only when the power goes.
          if (fault.how < 0.5) this.#down([machine], (each) => each.losePower(), fault);
        });
      case "lose-sync":
        return this.#ruin(fault, machine, { loseSync: 1 }, () => undefined);
      case "misdirect":
        return this.#ruin(fault, machine, { misdirect: 0.3 }, () => undefined);
      case "flip-wal":
      case "flip-snapshot": {
        const pattern = fault.kind === "flip-wal" ? /\.wal$/ : /incoming\//;
        return this.#ruin({ ...fault, forMs: 0 }, machine, {}, () => machine.disk.flipBits(pattern));
      }
      case "transfer":
      case "add":
      case "remove":
      case "replace":
        return this.#operator.ask(fault.kind, machine, fault.how);
    }
  }

  /** Asked again after waiting. */
  #isOver(): boolean {
    return this.#over;
  }

  async #victim(fault: Fault): Promise<Machine | undefined> {
    const machines = this.#cluster.trusted;
    if (machines.length === 0) return undefined;
    // Half of all faults look for the leader.
    const wantsLeader = fault.kind === "isolate-leader" || fault.how * 10 - Math.floor(fault.how * 10) < 0.5;
    const leader = wantsLeader ? await this.#cluster.leader() : undefined;
    return leader ?? machines[Math.floor(fault.whom * machines.length)];
  }

  #down(machines: readonly Machine[], strike: (machine: Machine) => void, fault: Fault): void {
    for (const machine of machines) {
      this.#cluster.holdDown(machine);
      strike(machine);
      this.#after(fault, () => this.#cluster.release(machine));
    }
  }

  /** A stop may take longer than the fault: whoever should have started it again has been there. */
  async #stop(machine: Machine): Promise<void> {
    await machine.stop();
    if (!this.#cluster.suspects.has(machine)) this.#cluster.start(machine);
  }

  /** The disk breaks a promise, then the power fails: what comes up may not take part any more. */
  async #ruin(fault: Fault, machine: Machine, faults: Partial<DiskFaults>, act: () => unknown): Promise<void> {
    if (this.#over || !(await this.#operator.sacrifice(machine))) return;
    Object.assign(machine.disk.faults, faults);
    const strike = (): void => {
      this.#ruining.delete(fault.id);
      this.#cluster.healDisk(machine);
      act();
      machine.losePower();
      this.#operator.examine(machine);
    };
    this.#ruining.set(fault.id, strike);
    if (this.#isOver()) strike();
    else this.#after(fault, strike);
  }

  #after(fault: Fault, undo: () => void): void {
    this.#world.schedule(fault.forMs * 1000, `fault ${fault.kind} ${fault.id} ends`, () => {
      if (!this.#over) undo();
    });
  }

  #linksOf(fault: Fault, machine: Machine): readonly string[] {
    const names = this.#cluster.machines.map(({ name }) => name);
    const others = names.filter((name) => name !== machine.name);
    const both = (a: string, b: string): readonly string[] => [`${a}>${b}`, `${b}>${a}`];
    switch (fault.kind) {
      case "isolate-leader":
        return others.flatMap((other) => both(machine.name, other));
      case "one-way": {
        const deaf = fault.how < 0.5;
        return others.map((other) => (deaf ? `${other}>${machine.name}` : `${machine.name}>${other}`));
      }
      case "bridge": {
        // Two halves that only this machine can reach both.
        const half = Math.ceil(others.length / 2);
        return others.slice(0, half).flatMap((a) => others.slice(half).flatMap((b) => both(a, b)));
      }
      default: {
        const half = Math.floor((fault.how * 7919) % names.length);
        const left = [...names.slice(half), ...names.slice(0, half)].slice(0, Math.ceil(names.length / 2));
        return left.flatMap((a) => names.filter((name) => !left.includes(name)).flatMap((b) => both(a, b)));
      }
    }
  }

  #recut(): void {
    this.#cluster.network.cut([...this.#cuts.values()].flat());
  }
}
