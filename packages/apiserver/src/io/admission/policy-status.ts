// Says in the status of every ValidatingAdmissionPolicy that its newest generation has been seen, and what is wrong with the types in its expressions.
// Whether they can be read at all was said when it was written. Every apiserver does so; the store decides.
import type { ValidatingAdmissionPolicy } from "@coxswain/api/admissionregistration/v1";
import type { ApiObject } from "@coxswain/apimachinery";
import type { Clock, Timer } from "@coxswain/clock";
import type { Component, Logger } from "@coxswain/daemon";
import type { FindKind } from "../../core/admission/policy/type-warnings.ts";
import { typeWarnings } from "../../core/admission/policy/type-warnings.ts";
import type { ObjectWriter } from "../../core/request.ts";

const policies = { group: "admissionregistration.k8s.io", resource: "validatingadmissionpolicies" } as const;
const retryMs = 1000;

export function createPolicyStatus(ports: {
  readonly objects: ObjectWriter;
  readonly findKind: FindKind;
  readonly clock: Clock;
  readonly log: Logger;
}): Component {
  const { objects, findKind, clock, log } = ports;
  let unsubscribe: (() => void) | undefined;
  let running: Promise<void> = Promise.resolve();
  let timer: Timer | undefined;
  let isStopped = false;

  const settle = async (name: string): Promise<void> => {
    const known = objects.view(policies).get("", name);
    if (isStopped || !known || !isPolicy(known) || isSettled(known)) return;
    const expressionWarnings = [...(await typeWarnings(known, findKind))];
    const typeChecking = expressionWarnings.length > 0 ? { expressionWarnings } : {};
    await objects.update(policies, "", name, (current) =>
      isPolicy(current) && !isSettled(current) && current.metadata.generation === known.metadata.generation
        ? {
            ...current,
            status: { ...current.status, observedGeneration: current.metadata.generation, typeChecking },
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
