// A client that watches and goes on where it was when its connection breaks, at another member if need be; as etcd's clients do. Some
// read slowly, so that the server's buffer is full most of the time.
import type { WatchEnd, WatchEvent, WatchRecord, WatchRequest, WatchResponse } from "@coxswain/drill";
import type { LocalClient, LocalWatchStream } from "@coxswain/store/testing";
import type { Dice } from "../world/dice.ts";
import type { SimProcess } from "../world/process.ts";
import type { World } from "../world/world.ts";
import type { Machine } from "./machine.ts";
import type { Recorder } from "./recorder.ts";
import { keyValueOf } from "./wire.ts";

type ServedResponse = Parameters<Parameters<LocalClient["watch"]>[0]["take"]>[0];

export interface WatcherPorts {
  readonly world: World;
  readonly recorder: Recorder;
  readonly machines: () => readonly Machine[];
}

/** Responses the server may send before it is told to wait. */
const bufferedResponses = 4;

export class Watcher {
  readonly #id: number;
  readonly #dice: Dice;
  readonly #ports: WatcherPorts;
  readonly #slow: boolean;
  readonly #request: WatchRequest;
  readonly #responses: WatchResponse[] = [];
  readonly #start: number;
  #end: WatchEnd | undefined;
  #stream: LocalWatchStream | undefined;
  #connection = 0;
  /** First revision not seen yet; undefined while nothing is known. */
  #next: number | undefined;
  #member = "";

  constructor(id: number, dice: Dice, request: WatchRequest, slow: boolean, ports: WatcherPorts) {
    this.#id = id;
    this.#dice = dice;
    this.#request = request;
    this.#slow = slow;
    this.#ports = ports;
    this.#start = ports.recorder.moment();
    this.#next = request.startRevision;
    this.#reconnect();
  }

  /** Nothing up to here is still to come. */
  get seen(): number {
    return (this.#next ?? 1) - 1;
  }

  get over(): boolean {
    return this.#end !== undefined;
  }

  /** Asks the server to say how far it is; the answer comes when everything before has been sent. */
  requestProgress(): void {
    this.#stream?.send({ progressRequest: {} });
  }

  /** Ends it and hands what it saw to the recorder. */
  close(): void {
    this.#end ??= { at: this.#ports.recorder.moment(), kind: "closed" };
    this.#stream?.close();
    this.#connection++;
    const record: WatchRecord = {
      id: this.#id,
      client: 1000 + this.#id,
      member: this.#member,
      start: this.#start,
      request: this.#request,
      responses: this.#responses,
      end: this.#end,
    };
    this.#ports.recorder.watch(record);
  }

  #reconnect(): void {
    if (this.#end) return;
    const connection = ++this.#connection;
    const machine = this.#dice.pick(this.#ports.machines());
    const { process } = machine;
    if (!process || !machine.client) {
      this.#later(200_000, "tries again", () => connection === this.#connection && this.#reconnect());
      return;
    }
    process.post(this.#dice.latency(300), `watch ${this.#id}`, () => {
      if (connection !== this.#connection || machine.process !== process || !machine.client) return;
      this.#member = machine.name;
      this.#open(machine.client, process, connection);
    });
    this.#heartbeat(machine, process, connection);
  }

  #open(client: LocalClient, process: SimProcess, connection: number): void {
    let waiting: ServedResponse[] = [];
    const current = (): boolean => connection === this.#connection && !this.#end;
    const read = (): void => {
      if (!current()) return;
      for (const response of waiting.splice(0, this.#slow ? 1 : waiting.length)) this.#take(response);
      if (waiting.length > 0) this.#later(this.#dice.latency(30_000), "reads", read);
      else process.post(0, `watch ${this.#id} has room`, () => stream.drained());
    };
    let idle = true;
    const stream = client.watch({
      take: (response) => {
        if (!current() || !process.alive) return true;
        waiting.push(response);
        if (idle) {
          idle = false;
          this.#later(this.#slow ? this.#dice.latency(30_000) : this.#dice.latency(200), "reads", () => {
            idle = true;
            read();
          });
        }
        return waiting.length < bufferedResponses;
      },
      over: () => {
        if (!process.alive) return;
        this.#later(this.#dice.latency(1000), "is cut off", () => {
          if (!current()) return;
          // What was sent before the end still arrives.
          for (const response of waiting.splice(0)) this.#take(response);
          this.#reconnect();
        });
      },
    });
    waiting = [];
    this.#stream = stream;
    const { key, rangeEnd, previous, filters } = this.#request;
    stream.send({
      createRequest: {
        key,
        rangeEnd,
        startRevision: this.#next,
        prevKv: previous ?? false,
        progressNotify: true,
        filters: (filters ?? []).map((each) => (each === "put" ? "NOPUT" : "NODELETE")),
      },
    });
  }

  /** A connection to a dead machine is noticed after a while. */
  #heartbeat(machine: Machine, process: SimProcess, connection: number): void {
    this.#later(500_000, "looks", () => {
      if (connection !== this.#connection || this.#end) return;
      if (process.alive && machine.process === process) {
        if (this.#dice.chance(0.2)) this.requestProgress();
        this.#heartbeat(machine, process, connection);
      } else this.#reconnect();
    });
  }

  #take(response: ServedResponse): void {
    if (this.#end) return;
    const at = this.#ports.recorder.moment();
    const revision = response.header?.revision ?? 0;
    if (response.compactRevision > 0) {
      this.#end = { at, kind: "compacted", compactRevision: response.compactRevision };
      return;
    }
    if (response.canceled) {
      this.#end = { at, kind: "failed", reason: response.cancelReason };
      return;
    }
    if (response.created) {
      this.#next ??= revision + 1;
      if (this.#responses.length === 0)
        this.#responses.push({ at, revision: this.#next - 1, created: true, events: [] });
      return;
    }
    const events = response.events.map((event): WatchEvent => {
      const kv = event.kv
        ? keyValueOf(event.kv)
        : { key: "", value: "", createRevision: 0, modRevision: 0, version: 0 };
      return {
        type: event.type === "DELETE" ? "delete" : "put",
        kv,
        ...(event.prevKv ? { previous: keyValueOf(event.prevKv) } : {}),
      };
    });
    this.#ports.world.note(`watch ${this.#id} r${revision} ${events.length}`);
    this.#responses.push({ at, revision, created: false, events });
    const last = events.at(-1)?.kv.modRevision ?? revision;
    this.#next = Math.max(this.#next ?? 0, last + 1);
  }

  #later(delay: number, label: string, work: () => void): void {
    this.#ports.world.schedule(delay, `watch ${this.#id} ${label}`, work);
  }
}
