// Watches over the backend's size: refuses what would pass the quota, raises NOSPACE for all members, and takes it back when compaction
// has made room.
import type { Clock, Timer } from "@coxswain/clock";
import type { LogFields, Logger } from "@coxswain/daemon";
import { isRaised } from "./core/alarms.ts";
import type { Alarms } from "./core/alarms.ts";
import type { CommandInit } from "./core/command.ts";
import { defaultQuotaBytes, judgeQuota } from "./core/quota.ts";
import type { StoreBackend } from "./io/backend/level-backend.ts";
import { etcdError } from "./io/rpc/errors.ts";

export interface SpacePorts {
  readonly backend: StoreBackend;
  readonly clock: Clock;
  readonly log: Logger;
  readonly memberId: bigint;
  readonly alarms: () => Alarms;
  readonly propose: (command: Extract<CommandInit, { kind: "alarm" }>) => Promise<unknown>;
}

/** Sizes are asked of the file system not more often than this. */
const refreshMs = 1000;
/** How often to look whether an alarm can end. */
const reclaimMs = 10_000;
/** Less is not worth the rewriting. */
const leastGarbageBytes = 64 * 1024;
/** The part of the quota that must be free before an alarm ends. */
const clearance = 0.05;

export class SpaceKeeper {
  readonly #quotaBytes: number;
  readonly #ports: SpacePorts;
  #storedBytes = 0;
  #timer: Timer | undefined;
  #again: Timer | undefined;
  #reclaiming = false;
  #warned = false;
  #raising = false;
  #stopped = false;

  constructor(quotaBytes: number, ports: SpacePorts) {
    this.#quotaBytes = quotaBytes;
    this.#ports = ports;
  }

  get quotaBytes(): number {
    return this.#quotaBytes === 0 ? defaultQuotaBytes : Math.max(0, this.#quotaBytes);
  }

  /** Throws etcd's error when that much more does not fit. */
  admit(addedBytes: number): void {
    this.#timer ??= this.#stopped ? undefined : this.#ports.clock.setTimeout(() => void this.refresh(), refreshMs);
    const fields = { sizeBytes: this.#size(), quotaBytes: this.quotaBytes };
    const verdict = judgeQuota({ sizeBytes: fields.sizeBytes, quotaBytes: this.#quotaBytes }, addedBytes);
    if (verdict === "exceeded") {
      this.#raise(fields);
      throw etcdError("noSpace");
    }
    if (verdict === "warn" && !this.#warned) this.#ports.log.warn(fields, "the backend is 70 % full");
    this.#warned = verdict === "warn";
  }

  /** Asks the file system. */
  async refresh(): Promise<number> {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (!this.#stopped) this.#storedBytes = await this.#ports.backend.sizeBytes();
    return this.#size();
  }

  /** What is there is known at any moment; how much more the files take, as of the last refresh. */
  #size(): number {
    return Math.max(this.#storedBytes, this.#ports.backend.liveBytes());
  }

  /** After a start or a sweep: give space back, and end an alarm of this member that is no longer true. Looks again until it has ended. */
  reclaim(): void {
    if (this.#stopped || this.#reclaiming || !this.#hasRaised()) return;
    this.#reclaiming = true;
    this.#giveBack()
      .catch((err: unknown) => this.#ports.log.warn({ err }, "space could not be reclaimed now"))
      .finally(() => {
        this.#reclaiming = false;
        if (this.#stopped || !this.#hasRaised()) return;
        this.#again ??= this.#ports.clock.setTimeout(() => {
          this.#again = undefined;
          this.reclaim();
        }, reclaimMs);
      });
  }

  async #giveBack(): Promise<void> {
    // What the sweep removed counts until it is written.
    await this.#ports.backend.flush();
    const garbage = (await this.refresh()) - this.#ports.backend.liveBytes();
    if (garbage > leastGarbageBytes) await this.#ports.backend.compact();
    const sizeBytes = await this.refresh();
    // Not at the very edge, or the next write would raise it again.
    if (judgeQuota({ sizeBytes, quotaBytes: this.#quotaBytes }, this.quotaBytes * clearance) === "exceeded") return;
    await this.#ports.propose({
      kind: "alarm",
      request: { action: "DEACTIVATE", memberId: this.#ports.memberId, alarm: "NOSPACE" },
    });
    this.#ports.log.info({ sizeBytes }, "there is space again");
  }

  #hasRaised(): boolean {
    return this.#ports.alarms().some(({ memberId, alarm }) => memberId === this.#ports.memberId && alarm === "NOSPACE");
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#again?.cancel();
  }

  #raise(fields: LogFields): void {
    if (this.#raising || isRaised(this.#ports.alarms(), "NOSPACE")) return;
    this.#raising = true;
    this.#ports.log.warn(fields, "the backend is full");
    this.#ports
      .propose({ kind: "alarm", request: { action: "ACTIVATE", memberId: this.#ports.memberId, alarm: "NOSPACE" } })
      .catch((err: unknown) => this.#ports.log.warn({ err }, "the alarm could not be raised"))
      .finally(() => {
        this.#raising = false;
        // What was compacted before the alarm may be enough already.
        this.reclaim();
      });
  }
}
