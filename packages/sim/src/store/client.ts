// A client of the simulated cluster: asks one thing after the other, of a member it picks, over a network that may lose the question or
// the answer, and gives up after a while. It records all of it.
import type { Outcome, Request, Response } from "@coxswain/drill";
import type { Dice } from "../world/dice.ts";
import type { World } from "../world/world.ts";
import type { Machine } from "./machine.ts";
import type { Recorder } from "./recorder.ts";
import { outcomeOfError, perform } from "./wire.ts";
import type { Workload } from "./workload.ts";

export interface ClientPorts {
  readonly world: World;
  readonly recorder: Recorder;
  readonly workload: Workload;
  /** Machines that a client may know of. */
  readonly machines: () => readonly Machine[];
  /** The probability that a question or an answer is lost. */
  readonly loss: () => number;
}

/** Requests that one client has on their way. */
const mostOpen = 40;

export class Client {
  readonly #id: number;
  readonly #dice: Dice;
  readonly #ports: ClientPorts;
  #favourite: Machine | undefined;

  constructor(id: number, dice: Dice, ports: ClientPorts) {
    this.#id = id;
    this.#dice = dice;
    this.#ports = ports;
  }

  /** Asks until `more` says no. Resolves when the last answer is in or given up. */
  async run(thinkMs: number, more: () => boolean): Promise<void> {
    while (more()) {
      await this.#pause(this.#dice.latency(thinkMs * 1000));
      if (!more()) return;
      await this.ask(this.#ports.workload.next(), this.#member());
    }
  }

  /**
   * Asks on without waiting for answers, of any member each time, as many independent clients would: what is stuck somewhere keeps nobody
   * from asking elsewhere. Resolves when the last answer is in or given up.
   */
  async runAhead(thinkMs: number, more: () => boolean): Promise<void> {
    const open = new Set<Promise<unknown>>();
    while (more()) {
      await this.#pause(this.#dice.latency(thinkMs * 1000));
      if (!more()) break;
      if (open.size >= mostOpen) continue;
      const asked = this.ask(this.#ports.workload.next(), this.#dice.pick(this.#ports.machines()), 5000);
      open.add(asked);
      void asked.then(() => open.delete(asked));
    }
    await Promise.all(open);
  }

  /** One request of one member, recorded; what came of it. */
  async ask(request: Request, machine: Machine, patienceMs: number = this.#dice.between(500, 9000)): Promise<Outcome> {
    const { world, recorder, workload } = this.#ports;
    const finish = recorder.begin(this.#id, machine.name, request);
    world.note(`client ${this.#id} asks ${machine.name} ${request.kind}`);
    const outcome = await new Promise<Outcome>((resolve) => {
      const patience = world.schedule(patienceMs * 1000, `client ${this.#id} gives up`, () =>
        resolve({ kind: "unknown", reason: "no answer in time" }),
      );
      this.#send(machine, request, (answer) => {
        patience.cancel();
        resolve(answer);
      });
    });
    finish(outcome);
    if (outcome.kind === "ok") workload.learn(request, outcome.response);
    else this.#favourite = undefined;
    return outcome;
  }

  #send(machine: Machine, request: Request, answered: (outcome: Outcome) => void): void {
    const { world, loss } = this.#ports;
    const answer = (outcome: Outcome): void => {
      if (this.#dice.chance(loss())) return;
      world.schedule(this.#dice.latency(200), `client ${this.#id} answered`, () => answered(outcome));
    };
    const { process } = machine;
    if (!process || !machine.client) {
      answer({ kind: "failed", reason: "connection refused" });
      return;
    }
    if (this.#dice.chance(loss())) return;
    process.post(
      this.#dice.latency(200),
      `client ${this.#id} ${request.kind}`,
      () => {
        const { client } = machine;
        if (!client || machine.process !== process) return;
        perform(client, request).then(
          (response: Response) => {
            if (process.alive) answer({ kind: "ok", response });
          },
          (error: unknown) => {
            if (process.alive) answer(outcomeOfError(error));
          },
        );
      },
      `client ${this.#id}`,
    );
  }

  /** Mostly the member of last time, as a connection stays open. */
  #member(): Machine {
    if (!this.#favourite || this.#dice.chance(0.1)) this.#favourite = this.#dice.pick(this.#ports.machines());
    return this.#favourite;
  }

  #pause(micros: number): Promise<void> {
    return new Promise((resolve) => this.#ports.world.schedule(micros, `client ${this.#id} thinks`, resolve));
  }
}
