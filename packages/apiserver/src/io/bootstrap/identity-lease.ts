// Says which apiservers live: each keeps a Lease in kube-system under a name that follows from its machine's, and removes those of servers
// that have not been heard of for an hour. Nothing here depends on them; clients count servers by them.
import { createHash, randomUUID } from "node:crypto";
import type { Lease } from "@coxswain/api/coordination/v1";
import type { ApiObject } from "@coxswain/apimachinery";
import { parseRfc3339, rfc3339Micro } from "@coxswain/clock";
import type { Clock } from "@coxswain/clock";
import type { Component, Logger } from "@coxswain/daemon";
import type { GroupResource, ObjectWriter } from "../../core/request.ts";
import { periodically } from "../periodically.ts";

export interface IdentityLeasePorts {
  readonly objects: Pick<ObjectWriter, "createIfAbsent" | "readAll" | "update" | "remove">;
  readonly clock: Clock;
  readonly log: Logger;
}

const place: GroupResource = { group: "coordination.k8s.io", resource: "leases" };
const namespace = "kube-system";
const label = "apiserver.kubernetes.io/identity";
/** Kubernetes' times. */
const renewEveryMs = 10_000;
const durationSeconds = 3600;
const patienceMs = 1_000;
const collectEveryMs = 3_600_000;

export function createIdentityLease({ hostname }: { readonly hostname: string }, ports: IdentityLeasePorts): Component {
  const { objects, clock, log } = ports;
  const name = identityOf(hostname);
  const holderIdentity = `${name}_${randomUUID()}`;

  const renew = async (): Promise<void> => {
    const renewTime = rfc3339Micro(clock.now());
    const fresh: Lease = {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { name, namespace, labels: { [label]: "kube-apiserver", "kubernetes.io/hostname": hostname } },
      spec: { holderIdentity, leaseDurationSeconds: durationSeconds, renewTime },
    };
    if (await objects.createIfAbsent(place, fresh)) return;
    await objects.update(place, namespace, name, (current) => ({ ...current, spec: fresh.spec }) as ApiObject);
  };

  const collect = async (): Promise<void> => {
    for (const lease of (await objects.readAll(place, namespace)) as readonly Lease[]) {
      if (lease.metadata.labels?.[label] !== "kube-apiserver" || !isOver(lease, clock.now())) continue;
      const { name: dead } = lease.metadata;
      if (await objects.remove(place, namespace, dead, (now) => isOver(now as Lease, clock.now())))
        log.info({ lease: dead }, "an apiserver was not heard of for its lease's time");
    }
  };

  /** A server that stops says so; without a store to say it to, its lease runs out. */
  const leave = async (): Promise<void> => {
    try {
      // Another one on this machine may have it by now.
      await objects.remove(place, namespace, name, (now) => (now as Lease).spec?.holderIdentity === holderIdentity);
    } catch (err) {
      log.debug({ err }, "the lease of this server runs out by itself");
    }
  };

  const loops = [
    periodically(renewEveryMs, clock, renew, (err) => log.warn({ err }, "the lease of this server was not renewed")),
    periodically(collectEveryMs, clock, collect, (err) => log.warn({ err }, "leases of servers were not looked at")),
  ];
  return {
    async start(signal) {
      await renew();
      for (const loop of loops) await loop.start(signal);
    },
    ready: () => [],
    async stop() {
      for (const loop of loops) await loop.stop();
      const giveUp = new AbortController();
      await Promise.race([
        leave().finally(() => giveUp.abort()),
        clock.sleep(patienceMs, giveUp.signal).catch(() => undefined),
      ]);
    },
  };
}

/** As Kubernetes names them: from the digest of the machine's name, so that a server that comes back has its lease again. */
export function identityOf(hostname: string): string {
  return `apiserver-${base32(createHash("sha256").update(hostname).digest().subarray(0, 16))}`;
}

/** RFC 4648, in small letters and without padding. */
function base32(bytes: Uint8Array): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  const groups = bits.match(/.{1,5}/g) ?? [];
  return groups.map((group) => "abcdefghijklmnopqrstuvwxyz234567"[Number.parseInt(group.padEnd(5, "0"), 2)]).join("");
}

/** A lease without times was never renewed. */
function isOver({ spec }: Lease, nowMs: number): boolean {
  const renewedMs = parseRfc3339(spec?.renewTime ?? "");
  return renewedMs === undefined || renewedMs + (spec?.leaseDurationSeconds ?? 0) * 1000 < nowMs;
}
