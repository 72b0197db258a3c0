// Watches over the backend's size: refuses what would pass the quota, raises NOSPACE for all members, and takes it back when compaction
// has made room.
import type { Clock, Timer } from "@coxswain/clock";
import type { Logger } from "@coxswain/daemon";
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

export class SpaceKeeper {
  readonly #quotaBytes: number;
  readonly #ports: SpacePorts;
  #sizeBytes = 0;
  #addedBytes = 0;
  #timer: Timer | undefined;
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
    this.#addedBytes += addedBytes;
    this.#timer ??= this.#stopped ? undefined : this.#ports.clock.setTimeout(() => void this.refresh(), refreshMs);
    const verdict = judgeQuota({ sizeBytes: this.#sizeBytes, quotaBytes: this.#quotaBytes }, this.#addedBytes);
    if (verdict === "exceeded") {
      this.#raise();
      throw etcdError("noSpace");
    }
    if (verdict === "warn" && !this.#warned)
      this.#ports.log.warn({ sizeBytes: this.#sizeBytes, quotaBytes: this.quotaBytes }, "the backend is 70 % full");
    this.#warned = verdict === "warn";
  }

  async refresh(): Promise<number> {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#stopped) return this.#sizeBytes;
    const size = await this.#ports.backend.sizeBytes();
    this.#sizeBytes = size;
    this.#addedBytes = 0;
    return size;
  }

  /** After a sweep: give space back, and end an alarm of this member that is no longer true. */
  reclaim(): void {
    if (this.#stopped || !isRaised(this.#ports.alarms(), "NOSPACE")) return;
    const reclaim = async (): Promise<void> => {
      await this.#ports.backend.compact();
      const sizeBytes = await this.refresh();
      if (judgeQuota({ sizeBytes, quotaBytes: this.#quotaBytes }, 0) === "exceeded") return;
      await this.#ports.propose({
        kind: "alarm",
        request: { action: "DEACTIVATE", memberId: this.#ports.memberId, alarm: "NOSPACE" },
      });
      this.#ports.log.info({ sizeBytes }, "there is space again");
    };
    reclaim().catch((err: unknown) => this.#ports.log.warn({ err }, "space could not be reclaimed now"));
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #raise(): void {
    if (this.#raising || isRaised(this.#ports.alarms(), "NOSPACE")) return;
    this.#raising = true;
    this.#ports.log.warn({ sizeBytes: this.#sizeBytes, quotaBytes: this.quotaBytes }, "the backend is full");
    this.#ports
      .propose({ kind: "alarm", request: { action: "ACTIVATE", memberId: this.#ports.memberId, alarm: "NOSPACE" } })
      .catch((err: unknown) => this.#ports.log.warn({ err }, "the alarm could not be raised"))
      .finally(() => (this.#raising = false));
  }
}
