// Compares what members hold, by the hash of their keyspaces at one revision: once before a member serves, and from time to time by the
// leader. As etcd's server/etcdserver/corrupt.go: hashes are comparable where the same was compacted; who cannot be asked is asked next time.
// It finds out who differs; that nothing may be written then is core/apply.ts's affair.
import type { Clock, Timer } from "@coxswain/clock";
import { StartError } from "@coxswain/daemon";
import type { Logger } from "@coxswain/daemon";
import { differingMembers } from "./core/corruption.ts";
import type { MemberHash } from "./core/corruption.ts";

export interface CorruptionPorts {
  readonly memberId: bigint;
  /** The hash here; 0: at the newest revision. Rejects when that revision is not there. */
  readonly ownHash: (revision: number) => Promise<Omit<MemberHash, "id">>;
  readonly others: () => readonly bigint[];
  readonly askHash: (id: bigint, revision: number) => Promise<Omit<MemberHash, "id">>;
  readonly leads: () => boolean;
  /** Raises CORRUPT in that member's name. */
  readonly raise: (id: bigint) => Promise<unknown>;
  readonly clock: Clock;
  readonly log: Logger;
}

export class CorruptionWatch {
  readonly #ports: CorruptionPorts;
  readonly #raised = new Set<bigint>();
  #timer: Timer | undefined;
  #stopped = false;

  constructor(ports: CorruptionPorts) {
    this.#ports = ports;
  }

  /** Rejects with `StartError` when another member holds something else. */
  async checkOnce(name: string): Promise<void> {
    const hashes = await this.#hashes();
    const { memberId, log } = this.#ports;
    const own = hashes.find(({ id }) => id === memberId);
    const different = hashes.filter((each) => each.compactRevision === own?.compactRevision && each.hash !== own.hash);
    if (different.length > 0)
      throw new StartError(
        `${name} found data inconsistency with peers: at revision ${own?.revision} its hash is ${own?.hash}, that of ` +
          different.map(({ id, hash }) => `${id.toString(16)} is ${hash}`).join(", ") +
          `; remove the member that is wrong and add it again with an empty data directory`,
      );
    log.info({ revision: own?.revision, members: hashes.length }, "compared the data with the other members'");
  }

  /** Looks again after every interval, while this member leads. */
  start(intervalMs: number): void {
    if (intervalMs <= 0 || this.#stopped) return;
    this.#timer = this.#ports.clock.setTimeout(() => {
      const done = this.#ports.leads() ? this.#checkAsLeader() : Promise.resolve();
      void done
        .catch((err: unknown) => this.#ports.log.warn({ err }, "could not compare the members' data now"))
        .finally(() => this.start(intervalMs));
    }, intervalMs);
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  async #checkAsLeader(): Promise<void> {
    const { memberId, log } = this.#ports;
    for (const id of differingMembers(await this.#hashes(), memberId)) {
      if (this.#raised.has(id)) continue;
      log.error({ peer: id.toString(16) }, "found a member whose data differs");
      await this.#ports.raise(id);
      this.#raised.add(id);
    }
  }

  /** Of this member, and of all that answer, at this member's newest revision. */
  async #hashes(): Promise<readonly MemberHash[]> {
    const { memberId, others, ownHash, askHash, log } = this.#ports;
    const own = { id: memberId, ...(await ownHash(0)) };
    const asked = others().map((id) =>
      askHash(id, own.revision).then(
        (hash): MemberHash[] => [{ id, ...hash }],
        (err: unknown): MemberHash[] => {
          log.debug({ err, peer: id.toString(16) }, "a member could not be asked for its hash");
          return [];
        },
      ),
    );
    return [own, ...(await Promise.all(asked)).flat()];
  }
}
