// Says in the status of every ValidatingAdmissionPolicy that its newest generation has been seen. Whether its expressions can be read was said when it
// was written; types of fields are looked at when they run, so there are no warnings about them. Every apiserver does so; the store decides.
import type { ValidatingAdmissionPolicy } from "@coxswain/api/admissionregistration/v1";
import type { ApiObject } from "@coxswain/apimachinery";
import type { Clock, Timer } from "@coxswain/clock";
import type { Component, Logger } from "@coxswain/daemon";
import type { ObjectWriter } from "../../core/request.ts";

const policies = { group: "admissionregistration.k8s.io", resource: "validatingadmissionpolicies" } as const;
const retryMs = 1000;

export function createPolicyStatus(ports: {
  readonly objects: ObjectWriter;
  readonly clock: Clock;
  readonly log: Logger;
}): Component {
  const { objects, clock, log } = ports;
  let unsubscribe: (() => void) | undefined;
  let running: Promise<void> = Promise.resolve();
  let timer: Timer | undefined;
  let isStopped = false;

  const settle = async (name: string): Promise<void> => {
    const known = objects.view(policies).get("", name);
    if (isStopped || !known || isSettled(known)) return;
    await objects.update(policies, "", name, (current) =>
      isPolicy(current) && !isSettled(current)
        ? {
            ...current,
            status: { ...current.status, observedGeneration: current.metadata.generation, typeChecking: {} },
          }
        : undefined,
    );
  };
  const look = (name: string): void => {
    running = running
      .then(() => settle(name))
      .catch((err: unknown) => {
        log.warn({ err, policy: name }, "a policy's status could not be settled; tried again soon");
        timer = clock.setTimeout(() => look(name), retryMs);
      });
  };

  return {
    start: async () => {
      unsubscribe = objects.view(policies).subscribe(({ object }) => {
        if (object && !isSettled(object)) look(object.metadata.name);
      });
    },
    ready: () => [],
    async stop() {
      isStopped = true;
      unsubscribe?.();
      timer?.cancel();
      await running;
    },
  };
}

function isPolicy(object: ApiObject): object is ValidatingAdmissionPolicy {
  return object.kind === "ValidatingAdmissionPolicy";
}

function isSettled(object: ApiObject): boolean {
  return !isPolicy(object) || object.status?.observedGeneration === object.metadata.generation;
}
