// ValidatingAdmissionWebhook: all webhooks that a request is for are asked at once, and each of them may refuse it.
import { StatusError, statuses } from "@coxswain/apimachinery";
import type { AdmissionAttributes, AdmissionPlugin } from "../../request.ts";
import { concernsConfigured, configured } from "../match/configured.ts";
import type { Matched } from "../match/selection.ts";
import { HookError } from "./caller.ts";
import { denied, unreachable } from "./denial.ts";
import type { Hook } from "./hooks.ts";
import { hooksOf } from "./hooks.ts";
import type { HookPorts } from "./invocation.ts";
import { ask, matchHook, passesOver, shownAs } from "./invocation.ts";

const configurations = { group: "admissionregistration.k8s.io", resource: "validatingwebhookconfigurations" };

export function createValidatingWebhooks(ports: HookPorts): AdmissionPlugin {
  const hooks = configured(ports.objects, [configurations], ([objects = []]) => hooksOf(objects));
  return {
    name: "ValidatingAdmissionWebhook",
    handles: concernsConfigured(hooks),
    async validate(attributes) {
      await hooks.whenSynced(attributes.signal);
      const asked: (readonly [Hook, Matched])[] = [];
      for (const hook of hooks.current()) {
        const matched = await matchHook(hook, attributes, ports);
        if (matched) asked.push([hook, matched]);
      }
      const outcomes = await Promise.all(asked.map(([hook, matched]) => outcomeOf(hook, attributes, matched, ports)));
      const first = outcomes.find((outcome) => outcome !== undefined);
      if (first) throw first;
    },
  };
}

async function outcomeOf(
  hook: Hook,
  attributes: AdmissionAttributes,
  matched: Matched,
  ports: HookPorts,
): Promise<StatusError | undefined> {
  const { name } = hook.spec;
  try {
    const shown = await shownAs(attributes, matched.kind, ports.kinds);
    const { allowed, status } = await ask(hook, attributes, matched, shown, false, ports);
    return allowed ? undefined : denied(name, status);
  } catch (error) {
    if (passesOver(hook, error, attributes, ports.log)) return undefined;
    if (error instanceof HookError) return unreachable(name, error.message, error);
    if (error instanceof StatusError) return error;
    return new StatusError(statuses.internalError(`ValidatingAdmissionWebhook/${name} has failed`), { cause: error });
  }
}
