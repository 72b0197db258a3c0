// MutatingAdmissionWebhook: webhooks are asked one after the other, each sees what those before it have made of the object. One that changes it
// causes a second round of all mutating plugins, in which those webhooks are asked again that want it (`reinvocationPolicy: IfNeeded`) and
// after which the object was changed.
import type { ApiObject } from "@coxswain/apimachinery";
import { applyJsonPatch, jsonEqual, parseJson, StatusError, statuses } from "@coxswain/apimachinery";
import { decodeAs } from "../../registry/decode-as.ts";
import { convertBetween } from "../../registry/convert.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../../request.ts";
import { concernsConfigured, configured } from "../match/configured.ts";
import { roundsOf } from "../match/rounds.ts";
import type { Matched } from "../match/selection.ts";
import { HookError } from "./caller.ts";
import { denied, unreachable } from "./denial.ts";
import type { Hook } from "./hooks.ts";
import { hooksOf } from "./hooks.ts";
import type { HookPorts } from "./invocation.ts";
import { ask, matchHook, passesOver, shownAs } from "./invocation.ts";

const name = "MutatingAdmissionWebhook";
const configurations = { group: "admissionregistration.k8s.io", resource: "mutatingwebhookconfigurations" };

export function createMutatingWebhooks(ports: HookPorts): AdmissionPlugin {
  const hooks = configured(ports.objects, [configurations], ([objects = []]) => hooksOf(objects));
  return {
    name,
    handles: concernsConfigured(hooks),
    async admit(attributes) {
      await hooks.whenSynced(attributes.signal);
      const rounds = roundsOf(name, attributes);
      let object = attributes.object;
      for (const hook of hooks.current()) {
        const current = { ...attributes, object };
        const matched = await matchHook(hook, current, ports);
        if (!matched || !rounds.isTurnOf(hook.id)) continue;
        const next = await mutate(hook, current, matched, ports);
        if (next !== undefined && !jsonEqual(next, object ?? null)) rounds.changed();
        object = next ?? object;
        if (hook.spec.reinvocationPolicy === "IfNeeded") rounds.wantsAgain(hook.id);
      }
      rounds.end(object);
      return object === attributes.object ? undefined : object;
    },
  };
}

/** The object as the webhook wants it; undefined when it has nothing to say. */
async function mutate(
  hook: Hook,
  attributes: AdmissionAttributes,
  matched: Matched,
  ports: HookPorts,
): Promise<ApiObject | undefined> {
  try {
    const shown = await shownAs(attributes, matched.kind, ports.kinds);
    const { allowed, status, patch } = await ask(hook, attributes, matched, shown, true, ports);
    if (!allowed) throw denied(hook.spec.name, status);
    const made = patch === undefined ? undefined : await patched(hook, attributes, matched, shown.object, patch, ports);
    tell(hook, attributes, made !== undefined && !jsonEqual(made, attributes.object ?? null) ? patch : undefined);
    return made;
  } catch (error) {
    if (passesOver(hook, error, attributes, ports.log)) return undefined;
    if (error instanceof HookError) throw unreachable(hook.spec.name, error.message, error);
    throw error;
  }
}

/** Whether it has changed the object, and how, for the audit log. */
function tell(
  { spec, configuration, index }: Hook,
  { audit, reinvocation }: AdmissionAttributes,
  patch?: string,
): void {
  if (!audit) return;
  const at = `webhook.admission.k8s.io/round_${reinvocation?.isSecond ? 1 : 0}_index_${index}`;
  const who = { configuration, webhook: spec.name };
  audit.annotate(`mutation.${at}`, JSON.stringify({ ...who, mutated: patch !== undefined }));
  if (patch !== undefined && audit.isWhole)
    audit.annotate(
      `patch.${at}`,
      JSON.stringify({ ...who, patch: JSON.parse(patch) as unknown, patchType: "JSONPatch" }),
    );
}

async function patched(
  { spec }: Hook,
  attributes: AdmissionAttributes,
  matched: Matched,
  object: ApiObject | undefined,
  patch: string,
  { kinds }: HookPorts,
): Promise<ApiObject | undefined> {
  try {
    const operations = parseJson(patch);
    if (Array.isArray(operations) && operations.length === 0) return undefined;
    if (!object)
      throw new Error(
        `admission webhook ${JSON.stringify(spec.name)} attempted to modify the object, which is not supported for this operation`,
      );
    const value = applyJsonPatch(object, operations);
    const { group, version, resource } = matched.resource;
    const made = decodeAs(matched.kind, kinds.find(group, version, resource), value);
    const own = kinds.find(attributes.resource.group, attributes.resource.version, attributes.resource.resource);
    const other = kinds.find(group, version, resource);
    return own && other && own !== other && made.kind === other.kind ? await convertBetween(other, own, made) : made;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new StatusError(statuses.internalError(error.message), { cause: error });
  }
}
