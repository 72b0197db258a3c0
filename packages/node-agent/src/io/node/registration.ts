// Keeps the node's object and lease: registers, renews, writes the status when there is news or it is time. A failure is
// logged and tried again at the next turn; the pods go on meanwhile.
import type { Node, NodeStatus } from "@coxswain/api/core/v1";
import { nodes } from "@coxswain/api/core/v1";
import { leases } from "@coxswain/api/coordination/v1";
import { isAlreadyExists, isNotFound } from "@coxswain/client";
import type { Client } from "@coxswain/client";
import type { Clock, Random } from "@coxswain/clock";
import type { Logger } from "@coxswain/daemon";
import {
  leaseNamespace,
  newLease,
  renewIntervalMs,
  renewed,
  statusIntervalMs,
  statusLookMs,
} from "../../core/heartbeat.ts";
import { nodeEvents } from "../../core/node/events.ts";
import type { NodeEvent } from "../../core/node/events.ts";
import { differs, newNode, nodeAnnotations, nodeLabels, nodeStatus } from "../../core/node/status.ts";
import type { MachineFacts, NodeSettings } from "../../core/node/status.ts";
import { statusPatch } from "../pods/status-patch.ts";

export interface Registration {
  /** Resolves when the node is registered; the two loops go on until the signal. */
  run(signal: AbortSignal): Promise<void>;
  registered(): boolean;
  /** Something about the node's readiness has changed: look now. */
  poke(): void;
}

const retryMs = 1_000;

export function createRegistration(
  settings: NodeSettings,
  ports: {
    readonly client: Pick<Client, "resource">;
    readonly clock: Clock;
    readonly random: Random;
    readonly log: Logger;
    readonly machine: () => Promise<MachineFacts>;
    /** The node as others have made it since, where somebody watches it: what they offer on it, and conditions of theirs. */
    readonly seen?: () => Node | undefined;
    readonly missing: () => readonly string[];
    /** Conditions of pressure that hold. */
    readonly pressures: () => readonly string[];
    /** Something about the node that people want to know; left out, nobody is told. */
    readonly tell?: (event: NodeEvent) => void;
    readonly heartbeatFailed: () => void;
    /** The lease was renewed by a request sent at this moment of the monotonic clock. */
    readonly leaseRenewed: (sentAtMs: number) => void;
  },
): Registration {
  const { client, clock, log } = ports;
  const nodeApi = client.resource(nodes);
  const leaseApi = client.resource(leases);
  const ref = { name: settings.name };
  let own: Node | undefined;
  let writtenAtMs = 0;
  let wake: PromiseWithResolvers<void> = Promise.withResolvers();

  const tellOf = (previous: NodeStatus | undefined, next: NodeStatus): void => {
    for (const event of nodeEvents(settings.name, previous, next)) ports.tell?.(event);
  };

  const register = async (signal: AbortSignal): Promise<Node> => {
    const facts = await ports.machine();
    try {
      const created = await nodeApi.create(newNode(settings, facts, ports.missing(), clock.now()), { signal });
      if (created.status) tellOf(undefined, created.status);
      return created;
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
    const labels = nodeLabels(settings, facts);
    const podCidr =
      settings.podCidr === undefined ? {} : { spec: { podCIDR: settings.podCidr, podCIDRs: [settings.podCidr] } };
    const present = await nodeApi.get(ref, { signal });
    const relabel = Object.entries(labels).some(([key, value]) => present.metadata.labels?.[key] !== value);
    const cidrMissing = settings.podCidr !== undefined && !present.spec?.podCIDR;
    const annotations = nodeAnnotations(settings);
    const remark = Object.entries(annotations).some(([key, value]) => present.metadata.annotations?.[key] !== value);
    if (!relabel && !remark && !cidrMissing) return present;
    return nodeApi.patch(
      ref,
      { metadata: { labels, annotations }, ...(cidrMissing ? podCidr : {}) },
      { type: "merge", signal },
    );
  };

  const look = async (signal: AbortSignal): Promise<void> => {
    own = newest(own ?? (await register(signal)), ports.seen?.());
    const previous = own.status;
    const status = nodeStatus(
      settings,
      await ports.machine(),
      previous,
      ports.missing(),
      clock.now(),
      ports.pressures(),
    );
    if (!differs(previous, status) && clock.now() - writtenAtMs < statusIntervalMs) return;
    try {
      const patch = statusPatch(previous, status).status;
      const allocatable = withNulls(previous?.allocatable, status.allocatable);
      own = await nodeApi.patch(
        ref,
        { status: { ...patch, allocatable } },
        { type: "merge", subresource: "status", signal },
      );
      writtenAtMs = clock.now();
      tellOf(previous, status);
    } catch (error) {
      // Somebody has deleted the node: register again at the next turn.
      if (isNotFound(error)) own = undefined;
      throw error;
    }
  };

  const renew = async (signal: AbortSignal): Promise<void> => {
    const uid = own?.metadata.uid;
    if (!uid) return;
    const sentAtMs = clock.monotonic();
    try {
      const lease = await leaseApi.get({ namespace: leaseNamespace, name: settings.name }, { signal });
      await leaseApi.update(renewed(lease, settings.name, settings.leaseSeconds, clock.now()), { signal });
    } catch (error) {
      if (!isNotFound(error)) throw error;
      await leaseApi.create(newLease({ name: settings.name, uid }, settings.leaseSeconds, clock.now()), {
        namespace: leaseNamespace,
        signal,
      });
    }
    ports.leaseRenewed(sentAtMs);
  };

  const loop = async (
    work: (signal: AbortSignal) => Promise<void>,
    intervalMs: number,
    what: string,
    signal: AbortSignal,
    wakeable: boolean,
  ): Promise<void> => {
    while (!signal.aborted) {
      let waitMs = intervalMs * (0.96 + 0.04 * ports.random.next());
      try {
        await work(signal);
      } catch (error) {
        if (signal.aborted) return;
        waitMs = retryMs;
        ports.heartbeatFailed();
        log.warn({ node: settings.name, err: error }, what);
      }
      const pause = clock.sleep(waitMs, signal).catch(() => undefined);
      await (wakeable ? Promise.race([pause, wake.promise]) : pause);
      if (wakeable) wake = Promise.withResolvers();
    }
  };

  return {
    async run(signal) {
      const first = Promise.withResolvers<void>();
      const status = loop(
        async (inner) => {
          await look(inner);
          first.resolve();
        },
        statusLookMs,
        "the node's status could not be written",
        signal,
        true,
      );
      await Promise.race([first.promise, status]);
      const every = renewIntervalMs(settings.leaseSeconds);
      await Promise.all([status, loop(renew, every, "the node's lease could not be renewed", signal, false)]);
    },
    registered: () => own !== undefined,
    poke: () => wake.resolve(),
  };
}

/** A node of the same name that was made anew is not ours yet; its absence shows when it is written to. */
function newest(own: Node, seen: Node | undefined): Node {
  const isNewer = Number(seen?.metadata.resourceVersion) > Number(own.metadata.resourceVersion);
  return seen && seen.metadata.uid === own.metadata.uid && isNewer ? seen : own;
}

/** For a merge patch: what is no longer offered goes. */
function withNulls(
  before: Readonly<Record<string, string>> = {},
  now: Readonly<Record<string, string>> = {},
): Record<string, string | null> {
  return { ...Object.fromEntries(Object.keys(before).map((name) => [name, null])), ...now };
}
