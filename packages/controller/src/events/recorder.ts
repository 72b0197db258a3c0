// Tells people what a component did to an object, as core/v1 Events. Never holds its caller up and never fails it: events are
// written in the background, in order, and thrown away when more than a thousand wait.
import { events } from "@coxswain/api/core/v1";
import type { Event } from "@coxswain/api/core/v1";
import type { ApiObject, DeepReadonly } from "@coxswain/apimachinery";
import { isNotFound } from "@coxswain/client";
import type { Client } from "@coxswain/client";
import { rfc3339 } from "@coxswain/clock";
import type { Clock, Random } from "@coxswain/clock";
import type { Log } from "../log.ts";
import { createCorrelator } from "./correlate.ts";

/** What an event is about. Any object will do. */
export interface EventObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Readonly<
    Pick<DeepReadonly<ApiObject>["metadata"], "name" | "namespace" | "uid" | "resourceVersion">
  >;
  /** A part of the object ("spec.containers{web}"). */
  readonly fieldPath?: string;
}

export interface EventRecorder {
  record(object: EventObject, type: "Normal" | "Warning", reason: string, message: string): void;
  /** Resolves when all that was recorded so far is written or given up. */
  flush(): Promise<void>;
}

const mostWaiting = 1_000;
const longestMessage = 1_024;

export function createEventRecorder(
  source: { readonly component: string; readonly host?: string },
  ports: {
    readonly client: Pick<Client, "resource">;
    readonly clock: Clock;
    readonly random: Random;
    readonly log: Log;
  },
): EventRecorder {
  const { clock, random, log } = ports;
  const api = ports.client.resource(events);
  const correlator = createCorrelator();
  let waiting = 0;
  let tail: Promise<void> = Promise.resolve();

  const write = async (
    object: EventObject,
    type: "Normal" | "Warning",
    reason: string,
    message: string,
  ): Promise<void> => {
    const nowMs = clock.now();
    const { namespace, name, uid } = object.metadata;
    const identity = `${object.kind}/${namespace ?? ""}/${name}/${uid ?? ""}${object.fieldPath ?? ""}`;
    const verdict = correlator.judge({ object: identity, type, reason, message }, nowMs);
    if (verdict.kind === "drop") return;
    const place = namespace ?? "default";
    if (verdict.kind === "repeat") {
      const repeated = { count: verdict.count, lastTimestamp: rfc3339(nowMs), message: verdict.message };
      try {
        await api.patch({ namespace: place, name: verdict.name }, repeated, { type: "merge" });
        correlator.written(verdict.key, verdict.name, verdict.count);
        return;
      } catch (error) {
        if (!isNotFound(error)) throw error; // it has expired: begin a new one
        correlator.forget(verdict.key);
      }
    }
    const event = newEvent(object, type, reason, verdict.message, place, nowMs);
    await api.create(event, { namespace: place });
    correlator.written(verdict.key, event.metadata.name, 1);
  };

  const newEvent = (
    object: EventObject,
    type: string,
    reason: string,
    message: string,
    namespace: string,
    nowMs: number,
  ): Event => ({
    apiVersion: "v1",
    kind: "Event",
    metadata: {
      namespace,
      name: `${object.metadata.name}.${(nowMs * 1000 + random.int(1000)).toString(16)}${random.suffix(3)}`,
    },
    involvedObject: {
      apiVersion: object.apiVersion,
      kind: object.kind,
      name: object.metadata.name,
      ...(object.metadata.namespace === undefined ? {} : { namespace: object.metadata.namespace }),
      ...(object.metadata.uid === undefined ? {} : { uid: object.metadata.uid }),
      ...(object.metadata.resourceVersion === undefined ? {} : { resourceVersion: object.metadata.resourceVersion }),
      ...(object.fieldPath === undefined ? {} : { fieldPath: object.fieldPath }),
    },
    type,
    reason,
    message,
    count: 1,
    firstTimestamp: rfc3339(nowMs),
    lastTimestamp: rfc3339(nowMs),
    source: { component: source.component, ...(source.host === undefined ? {} : { host: source.host }) },
    reportingComponent: source.component,
    reportingInstance: source.host ?? "",
  });

  return {
    record(object, type, reason, message) {
      if (waiting >= mostWaiting) {
        log.debug({ reason, object: object.metadata.name }, "too many events wait, one is dropped");
        return;
      }
      waiting++;
      const short = message.length > longestMessage ? `${message.slice(0, longestMessage - 1)}…` : message;
      tail = tail
        .then(() => write(object, type, reason, short))
        .catch((error: unknown) =>
          log.debug({ err: String(error), reason, object: object.metadata.name }, "an event could not be written"),
        )
        .finally(() => void waiting--);
    },
    flush: () => tail,
  };
}
