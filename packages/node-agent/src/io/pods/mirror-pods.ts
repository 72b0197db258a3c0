// Keeps a mirror in the API for every static pod, so that people and controllers see it: made, made again when somebody
// deletes it, replaced when the manifest changes, removed when the static pod has ended. A mirror decides nothing: while the API is
// away the pods run all the same.
import { pods } from "@coxswain/api/core/v1";
import type { Pod, PodStatus } from "@coxswain/api/core/v1";
import { isConflict, isNotFound } from "@coxswain/client";
import type { Client } from "@coxswain/client";
import type { Clock } from "@coxswain/clock";
import type { Logger } from "@coxswain/daemon";
import { isMirrorOf, mirrorOf } from "../../core/pod/static-pod.ts";
import { messageOf } from "../../errors.ts";
import { nameOf } from "./state.ts";
import { statusPatch } from "./status-patch.ts";

export interface MirrorPods {
  /** All static pods that are wanted. */
  want(pods: readonly Pod[]): void;
  /** What the API has under this name; `undefined` when nothing. */
  observe(name: string, mirror: Pod | undefined): void;
  /** The newest status of a static pod. */
  report(pod: Pod, status: PodStatus): void;
  /** Something that a mirror waits for may have happened. */
  poke(): void;
  run(signal: AbortSignal): Promise<void>;
}

const retryMs = 2_000;

export function createMirrorPods(
  nodeName: string,
  ports: {
    readonly client: Pick<Client, "resource">;
    readonly clock: Clock;
    readonly log: Logger;
    /** The node's own uid, which mirrors name as their owner; `undefined` until it is known. */
    readonly nodeUid: () => string | undefined;
    /** Whether every source and the API have told what there is. */
    readonly complete: () => boolean;
    /** Whether something of the pod still runs. */
    readonly lives: (name: string) => boolean;
  },
): MirrorPods {
  const { clock, log } = ports;
  const api = ports.client.resource(pods);
  const wanted = new Map<string, Pod>();
  const present = new Map<string, Pod>();
  const statuses = new Map<string, PodStatus>();
  /** By the mirror's uid: the status it was given last. */
  const written = new Map<string, string>();
  let wake = Promise.withResolvers<void>();
  const poke = (): void => wake.resolve();

  const remove = async (mirror: Pod, signal: AbortSignal): Promise<void> => {
    const { name, namespace, uid } = mirror.metadata;
    await api
      .delete(
        { namespace, name },
        { gracePeriodSeconds: 0, ...(uid === undefined ? {} : { preconditions: { uid } }), signal },
      )
      .catch((error: unknown) => {
        if (!isNotFound(error) && !isConflict(error)) throw error;
      });
  };

  const writeStatus = async (mirror: Pod, pod: Pod, signal: AbortSignal): Promise<void> => {
    const status = statuses.get(pod.metadata.uid ?? "");
    const { name, namespace, uid = "" } = mirror.metadata;
    if (!status || written.get(uid) === JSON.stringify(status)) return;
    const patch = { metadata: { uid }, ...statusPatch(mirror.status, status) };
    await api.patch({ namespace, name }, patch, { type: "merge", subresource: "status", signal });
    written.set(uid, JSON.stringify(status));
  };

  const keep = async (name: string, signal: AbortSignal): Promise<void> => {
    const pod = wanted.get(name);
    const mirror = present.get(name);
    if (!pod) {
      if (mirror && ports.complete() && !ports.lives(name)) await remove(mirror, signal);
      return;
    }
    if (!mirror) {
      const uid = ports.nodeUid();
      if (uid === undefined) return;
      const made = await api.create(mirrorOf(pod, { name: nodeName, uid }), {
        namespace: pod.metadata.namespace ?? "default",
        signal,
      });
      present.set(name, made);
      return writeStatus(made, pod, signal);
    }
    if (mirror.metadata.deletionTimestamp || !isMirrorOf(mirror, pod)) {
      log.info({ object: name }, "the mirror of a static pod is made anew");
      await remove(mirror, signal);
      if (present.get(name) === mirror) present.delete(name);
      return keep(name, signal);
    }
    return writeStatus(mirror, pod, signal);
  };

  return {
    want(all) {
      wanted.clear();
      for (const pod of all) wanted.set(nameOf(pod), pod);
      for (const uid of statuses.keys()) if (!all.some((pod) => pod.metadata.uid === uid)) statuses.delete(uid);
      poke();
    },
    observe(name, mirror) {
      const before = present.get(name)?.metadata.uid ?? "";
      if (mirror) present.set(name, mirror);
      else present.delete(name);
      if (before !== mirror?.metadata.uid) written.delete(before);
      poke();
    },
    report(pod, status) {
      statuses.set(pod.metadata.uid ?? "", status);
      poke();
    },
    poke,
    async run(signal) {
      signal.addEventListener("abort", poke, { once: true });
      while (!signal.aborted) {
        wake = Promise.withResolvers();
        let failed = false;
        for (const name of new Set([...wanted.keys(), ...present.keys()])) {
          if (signal.aborted) return;
          try {
            await keep(name, signal);
          } catch (error) {
            failed = true;
            if (!signal.aborted) log.warn({ object: name, err: messageOf(error) }, "a mirror is not as it should be");
          }
        }
        await (failed ? clock.sleep(retryMs, signal).catch(() => undefined) : wake.promise);
      }
    },
  };
}
