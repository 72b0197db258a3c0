// Whether a webhook is asked about a request, and asking it. What both kinds of webhooks have in common; after apiserver's
// `webhook/generic` and the `callHook` of either dispatcher.
import type { Clock, Random } from "@coxswain/clock";
import type { Logger } from "@coxswain/daemon";
import type { ApiObject } from "@coxswain/apimachinery";
import type { RequestAuthorizer } from "../../authz/attributes.ts";
import type { Kinds } from "../../registry/kind.ts";
import { convertBetween } from "../../registry/convert.ts";
import type { AdmissionAttributes, GroupVersionKind, ObjectReader } from "../../request.ts";
import { checkConditions } from "../match/conditions.ts";
import type { Matched } from "../match/selection.ts";
import { matchedByRules, namespaceMatches, objectMatches } from "../match/selection.ts";
import { refusal } from "../refusal.ts";
import type { HookCaller } from "./caller.ts";
import { HookError } from "./caller.ts";
import { dryRunUnsupported } from "./denial.ts";
import type { Hook } from "./hooks.ts";
import type { HookAnswer, Shown } from "./review.ts";
import { readAnswer, reviewOf } from "./review.ts";

export interface HookPorts {
  readonly objects: ObjectReader;
  readonly kinds: Kinds;
  readonly authorizer: RequestAuthorizer;
  readonly caller: HookCaller;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** In which form the webhook is to see the request; undefined when it is none of its business. Throws StatusError. */
export async function matchHook(
  { spec, selectors }: Hook,
  attributes: AdmissionAttributes,
  ports: HookPorts,
): Promise<Matched | undefined> {
  if (!objectMatches(selectors, attributes)) return undefined;
  const matched = matchedByRules(spec.rules, spec.matchPolicy, attributes, ports.kinds);
  if (!matched || !(await namespaceMatches(selectors, attributes, ports.objects))) return undefined;
  if (!spec.matchConditions?.length) return matched;
  const shown = await shownAs(attributes, matched.kind, ports.kinds);
  const met = await checkConditions(spec.matchConditions, attributes, matched, shown, ports.authorizer);
  if (met.kind === "failed") {
    // Whether it fails open is the webhook's own say.
    if (spec.failurePolicy === "Ignore") return undefined;
    throw refusal(attributes, met.why);
  }
  return met.kind === "met" ? matched : undefined;
}

/** The objects of the request in the version that is asked for. */
export async function shownAs(
  attributes: AdmissionAttributes,
  kind: GroupVersionKind,
  kinds: Pick<Kinds, "find" | "equivalents">,
): Promise<Shown> {
  const { object, oldObject } = attributes;
  return {
    object: object && (await inVersion(object, attributes, kind, kinds)),
    oldObject: oldObject && (await inVersion(oldObject, attributes, kind, kinds)),
  };
}

async function inVersion(
  object: ApiObject,
  { kind: own, resource }: AdmissionAttributes,
  wanted: GroupVersionKind,
  kinds: Pick<Kinds, "find" | "equivalents">,
): Promise<ApiObject> {
  if (own.group === wanted.group && own.version === wanted.version) return object;
  const from = kinds.find(resource.group, resource.version, resource.resource);
  const to =
    from && kinds.equivalents(from).find(({ group, version }) => group === wanted.group && version === wanted.version);
  return from && to ? convertBetween(from, to, object) : object;
}

/** Throws a HookError when there is no answer to go by, a StatusError when the request is refused without asking. */
export async function ask(
  { spec }: Hook,
  attributes: AdmissionAttributes,
  matched: Matched,
  shown: Shown,
  isMutating: boolean,
  { caller, random }: HookPorts,
): Promise<HookAnswer> {
  if (attributes.dryRun && spec.sideEffects !== "None" && spec.sideEffects !== "NoneOnDryRun")
    throw dryRunUnsupported(spec.name);
  const uid = random.uuid();
  const { version, body } = reviewOf(attributes, matched, shown, { uid, versions: spec.admissionReviewVersions });
  const value = await caller
    .post(spec.clientConfig, body, spec.timeoutSeconds ?? 10, attributes.signal, attributes.deadlineMs)
    .catch((error: unknown) => {
      if (error instanceof HookError) throw new HookError(`failed to call webhook: ${error.message}`, { cause: error });
      throw error;
    });
  const answer = readAnswer(value, { uid, version, isMutating });
  for (const warning of answer.warnings) attributes.warn(warning);
  for (const [key, value] of answer.annotations) attributes.audit?.annotate(`${spec.name}/${key}`, value);
  return answer;
}

/** Whether the request may go on although the webhook could not be asked; anything else than a HookError goes up. */
export function passesOver(
  { spec, index }: Hook,
  error: unknown,
  { audit, reinvocation }: AdmissionAttributes,
  log: Logger,
): error is HookError {
  if (!(error instanceof HookError) || spec.failurePolicy !== "Ignore") return false;
  const [kind, round] = reinvocation ? ["mutation", reinvocation.isSecond ? 1 : 0] : ["validating", 0];
  audit?.annotate(`failed-open.${kind}.webhook.admission.k8s.io/round_${round}_index_${index}`, spec.name);
  log.warn({ webhook: spec.name, because: error.message }, "a webhook could not be asked and is passed over");
  return true;
}
