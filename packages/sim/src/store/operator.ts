// The person (or program) who looks after a simulated cluster: adds, promotes, removes and replaces members under load, and takes
// members with a ruined disk out of service. One task after the other; what a call's timeout leaves open is settled by looking again.
import type { LocalClient } from "@coxswain/store/testing";
import type { Dice } from "../world/dice.ts";
import type { World } from "../world/world.ts";
import type { Cluster } from "./cluster.ts";
import type { Machine } from "./machine.ts";
import type { Observer } from "./observer.ts";

type Listed = Awaited<ReturnType<LocalClient["cluster"]["memberList"]>>["members"][number];
type Task = "transfer" | "add" | "remove" | "replace";

/** Waiting tasks beyond this are not taken. */
const mostTasks = 3;
const mostMachines = 7;
const patienceMs = 4000;

export class Operator {
  readonly #world: World;
  readonly #dice: Dice;
  readonly #cluster: Cluster;
  readonly #observer: Observer;
  #waiting = 0;
  #tail: Promise<void> = Promise.resolve();

  constructor(world: World, dice: Dice, cluster: Cluster, observer: Observer) {
    this.#world = world;
    this.#dice = dice;
    this.#cluster = cluster;
    this.#observer = observer;
  }

  /** Resolves when nothing is left to do. */
  async idle(): Promise<void> {
    while (this.#waiting > 0) await this.#tail;
  }

  ask(task: Task, machine: Machine, how: number): void {
    if (this.#waiting >= mostTasks) return;
    this.#enqueue(() => this.#do(task, machine, how));
  }

  /** Gives a machine up for damage, if the voters can go on without it for good. One at a time. */
  async sacrifice(machine: Machine): Promise<boolean> {
    const free = (): boolean => this.#cluster.suspects.size === 0 && this.#waiting === 0;
    if (!free() || !(await this.#expendable(machine)) || !free()) return false;
    this.#cluster.suspect(machine);
    return true;
  }

  /** Looks, apart from everybody, whether a member with a ruined disk refuses; either way it is replaced. */
  examine(machine: Machine): void {
    this.#enqueue(async () => {
      this.#cluster.network.isolate(machine.name);
      this.#cluster.startApart(machine);
      await this.wait(1500);
      const { state } = machine;
      if (state.is === "ended") this.#judge(machine, state.reason);
      this.#observer.count(state.is === "ended" ? "a ruined disk was refused" : "a ruined disk went unnoticed");
      machine.kill();
      await this.#replace(machine);
    });
  }

  /** Makes machines and members one again: who is a member runs, who is none does not. */
  async reconcile(): Promise<void> {
    for (;;) {
      const members = await this.#members();
      if (!members) continue;
      const urls = new Set(members.flatMap(({ peerURLs }) => peerURLs));
      for (const machine of this.#cluster.machines) {
        if (!urls.has(machine.peerUrl)) this.#cluster.remove(machine);
        else if (!this.#cluster.hasJoined(machine)) this.#cluster.join(machine, othersOf(members, machine));
      }
      const known = new Set(this.#cluster.machines.map(({ peerUrl }) => peerUrl));
      const strangers = members.filter(({ peerURLs }) => !peerURLs.some((url) => known.has(url)));
      for (const { id } of strangers) await this.#call((client) => client.cluster.memberRemove({ id }));
      const learner = members.find(({ isLearner }) => isLearner);
      if (learner) await this.#promote(learner.id);
      if (strangers.length === 0 && !learner) return;
    }
  }

  wait(ms: number): Promise<void> {
    return new Promise((resolve) => this.#world.schedule(ms * 1000, "the operator waits", resolve));
  }

  #enqueue(task: () => Promise<void>): void {
    this.#waiting++;
    this.#tail = this.#tail.then(task).finally(() => this.#waiting--);
  }

  /** A refusal must name what is damaged, or that there is no place for the member any more. */
  #judge(machine: Machine, reason: string): void {
    const named =
      /damaged|missing|gone|ends at|begins|EIO|ENOSPC|version|unusable|no write-ahead log|no member|permanently removed/.test(
        reason,
      );
    if (!named) this.#observer.fail("a refusal names the damage", `${machine.name}: ${reason}`);
  }

  async #do(task: Task, machine: Machine, how: number): Promise<void> {
    this.#world.note(`the operator will ${task} ${machine.name}`);
    switch (task) {
      case "transfer":
        return this.#transfer(machine);
      case "add":
        return this.#add(how < 0.7);
      case "remove":
        if (this.#cluster.suspects.size === 0 && (await this.#expendable(machine))) await this.#remove(machine);
        return;
      case "replace":
        if (this.#cluster.suspects.size === 0 && (await this.#expendable(machine))) await this.#replace(machine);
        return;
    }
  }

  /** Of three or more voters one may go; a learner always. */
  async #expendable(machine: Machine): Promise<boolean> {
    const members = await this.#members();
    const voters = members?.filter(({ isLearner }) => !isLearner);
    if (!voters) return false;
    return voters.length >= 3 || !voters.some(({ peerURLs }) => peerURLs.includes(machine.peerUrl));
  }

  async #transfer(machine: Machine): Promise<void> {
    const members = await this.#members();
    const target = members?.find(({ peerURLs }) => peerURLs.includes(machine.peerUrl));
    const leader = await this.#cluster.leader();
    if (!target || !leader) return;
    await this.#on(leader, (client) => client.maintenance.moveLeader({ targetId: target.id }));
  }

  /** The new machine stays whatever becomes of the request: it may still be granted. */
  async #add(asLearner: boolean): Promise<void> {
    if (this.#cluster.machines.length >= mostMachines) return;
    const machine = this.#cluster.add();
    const peerURLs = [machine.peerUrl];
    await this.#call((client) => client.cluster.memberAdd({ peerURLs, isLearner: asLearner }));
    // Where the answer was lost, the store itself finds out whether it is a member; a second voter must run for the next question to be answered.
    this.#cluster.join(
      machine,
      this.#cluster.trusted.filter((each) => each !== machine).map(({ peerUrl }) => peerUrl),
    );
    const members = await this.#members();
    const member = members?.find((each) => each.peerURLs.includes(machine.peerUrl));
    if (!member || !asLearner) return;
    for (let attempt = 0; attempt < 5; attempt++) if (await this.#promote(member.id)) return;
  }

  async #promote(id: bigint): Promise<boolean> {
    await this.wait(this.#dice.between(100, 800));
    const leader = await this.#cluster.leader();
    return (
      leader !== undefined && (await this.#on(leader, (client) => client.cluster.memberPromote({ id }))) !== undefined
    );
  }

  async #remove(machine: Machine): Promise<boolean> {
    for (let attempt = 0; attempt < 5; attempt++) {
      const members = await this.#members();
      if (!members) continue;
      const member = members.find(({ peerURLs }) => peerURLs.includes(machine.peerUrl));
      if (!member) {
        // Some go at once, others linger on without knowing.
        if (!this.#cluster.suspects.has(machine)) await this.wait(this.#dice.between(0, 1500));
        this.#cluster.remove(machine);
        return true;
      }
      await this.#call((client) => client.cluster.memberRemove({ id: member.id }));
    }
    return false;
  }

  async #replace(machine: Machine): Promise<void> {
    while (!(await this.#remove(machine))) if (!this.#cluster.suspects.has(machine)) return;
    await this.#add(true);
  }

  async #members(): Promise<readonly Listed[] | undefined> {
    const answer = await this.#call((client) => client.cluster.memberList({ linearizable: true }));
    return answer?.members;
  }

  async #call<T>(work: (client: LocalClient) => Promise<T>): Promise<T | undefined> {
    const able = this.#cluster.trusted.filter(({ client, process }) => client && !process?.paused);
    if (able.length > 0) {
      const answer = await this.#on(this.#dice.pick(able), work);
      if (answer !== undefined) return answer;
    }
    await this.wait(150);
    return undefined;
  }

  /** Undefined: refused, or no answer in time. */
  #on<T>(machine: Machine, work: (client: LocalClient) => Promise<T>): Promise<T | undefined> {
    const { process } = machine;
    return new Promise((resolve) => {
      const patience = this.#world.schedule(patienceMs * 1000, "the operator gives up", () => resolve(undefined));
      const settle = (answer: T | undefined): void => {
        patience.cancel();
        resolve(answer);
      };
      if (!process) return settle(undefined);
      process.post(this.#dice.latency(300), "the operator asks", () => {
        const { client } = machine;
        if (!client || machine.process !== process) return;
        work(client).then(
          (answer) => process.alive && settle(answer),
          () => process.alive && settle(undefined),
        );
      });
    });
  }
}

function othersOf(members: readonly Listed[], machine: Machine): readonly string[] {
  return members.flatMap(({ peerURLs }) => peerURLs).filter((url) => url !== machine.peerUrl);
}
