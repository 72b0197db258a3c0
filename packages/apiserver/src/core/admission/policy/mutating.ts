// MutatingAdmissionPolicy: expressions that change objects, with bindings that say where and with which parameters. Each evaluation sees what those before
// it have made; a change causes a second round of all mutating plugins, in which policies that want it are evaluated again. After apiserver's
// `policy/mutating/dispatcher.go`, in its words.
import type { MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding } from "@coxswain/api/admissionregistration/v1";
import { findSchema } from "@coxswain/api";
import type { ApiObject } from "@coxswain/apimachinery";
import { jsonEqual, StatusError } from "@coxswain/apimachinery";
import { loadLanguage } from "../../cel/lazily.ts";
import type { Kind } from "../../registry/kind.ts";
import { convertBetween } from "../../registry/convert.ts";
import { decodeAs } from "../../registry/decode-as.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../../request.ts";
import { evaluateConditions, requestValues } from "../match/conditions.ts";
import { concernsConfigured, configured } from "../match/configured.ts";
import { roundsOf } from "../match/rounds.ts";
import type { Matched } from "../match/selection.ts";
import { matchedByResources, namespaceOf } from "../match/selection.ts";
import { refusal } from "../refusal.ts";
import { shownAs } from "../webhook/invocation.ts";
import { namespaceValue } from "./evaluate.ts";
import { mutated, MutationError } from "./mutate.ts";
import { ConfigurationError, paramResource, paramsOf } from "./params.ts";
import type { Bound } from "./policies.ts";
import { boundPolicies } from "./policies.ts";
import type { PolicyPorts } from "./validating.ts";
import { composed, policyVariables } from "./variables.ts";

type BoundPolicy = Bound<MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding>;

const name = "MutatingAdmissionPolicy";
const group = "admissionregistration.k8s.io";

export function createMutatingPolicies(ports: PolicyPorts): AdmissionPlugin {
  const policies = configured(
    ports.objects,
    [
      { group, resource: "mutatingadmissionpolicies" },
      { group, resource: "mutatingadmissionpolicybindings" },
    ],
    ([found = [], bindings = []]) =>
      boundPolicies(found as readonly MutatingAdmissionPolicy[], bindings as readonly MutatingAdmissionPolicyBinding[]),
  );
  return {
    name,
    handles: concernsConfigured(policies),
    async admit(attributes) {
      await policies.whenSynced(attributes.signal);
      const rounds = roundsOf(name, attributes);
      let object = attributes.object;
      for (const bound of policies.current())
        for (const invocation of await invocationsOf(bound, { ...attributes, object }, ports)) {
          if (!rounds.isTurnOf(invocation.id)) continue;
          const next = await carriedOut(bound.policy, invocation, { ...attributes, object }, ports);
          if (next !== undefined && !jsonEqual(next, object ?? null)) rounds.changed();
          object = next ?? object;
          if (bound.policy.spec?.reinvocationPolicy === "IfNeeded") rounds.wantsAgain(invocation.id);
        }
      rounds.end(object);
      return object === attributes.object ? undefined : object;
    },
  };
}

interface Invocation {
  readonly id: string;
  readonly binding: string;
  readonly matched: Matched;
  readonly param: ApiObject | undefined;
}

/** One for each parameter of each binding that the request matches. */
async function invocationsOf(
  { policy, selectors, bindings }: BoundPolicy,
  attributes: AdmissionAttributes,
  ports: PolicyPorts,
): Promise<readonly Invocation[]> {
  const { spec = {} } = policy;
  const invocations: Invocation[] = [];
  let binding: string | undefined;
  try {
    const matched = await matchedByResources(spec.matchConstraints, selectors, attributes, ports);
    if (!matched) return [];
    const resource: Kind | undefined = spec.paramKind && paramResource(spec.paramKind, ports.kinds);
    for (const bound of bindings) {
      binding = bound.binding.metadata.name;
      const { matchResources, paramRef } = bound.binding.spec ?? {};
      if (!(await matchedByResources(matchResources, bound.selectors, attributes, ports))) continue;
      for (const param of await paramsOf(resource, paramRef, attributes.namespace, ports)) {
        const { namespace = "", name: of = "" } = param?.metadata ?? {};
        invocations.push({ id: [policy.metadata.name, binding, namespace, of].join("/"), binding, matched, param });
      }
    }
    return invocations;
  } catch (error) {
    if (!(error instanceof ConfigurationError || error instanceof StatusError)) throw error;
    if (spec.failurePolicy === "Ignore") return invocations;
    const what = binding === undefined ? "policy" : "binding";
    throw denied(
      attributes,
      policy.metadata.name,
      binding,
      `failed to configure ${what}: ${error.message}`,
      "Forbidden",
    );
  }
}

/** The object after all mutations of the policy; undefined when there is nothing to change. */
async function carriedOut(
  policy: MutatingAdmissionPolicy,
  { binding, matched, param }: Invocation,
  attributes: AdmissionAttributes,
  { objects, kinds, authorizer }: PolicyPorts,
): Promise<ApiObject | undefined> {
  const { spec = {}, metadata } = policy;
  const language = await loadLanguage();
  const shown = await shownAs(attributes, matched.kind, kinds);
  if (!shown.object) return undefined;
  const isNamespace = attributes.kind.kind === "Namespace" && attributes.kind.group === "";
  const namespace =
    attributes.namespace === "" || isNamespace ? undefined : await namespaceOf(attributes.namespace, objects);
  const common = { namespaceObject: namespaceValue(language, namespace), params: language.dynamicValue(param) };
  const types = policyVariables(spec);
  const budget = new language.Budget();
  const { resource } = matched;
  const kind = kinds.find(resource.group, resource.version, resource.resource);
  const schema = kind?.kind === matched.kind.kind ? kind.schema : findSchema(matched.kind);
  const failed = (why: string): StatusError => denied(attributes, metadata.name, binding, why, "Invalid");
  let object = shown.object;
  try {
    const valuesOf = async (): Promise<Readonly<Record<string, unknown>>> => {
      const values = await requestValues(attributes, matched, { ...shown, object }, authorizer);
      return composed(language, spec, { ...values, ...common }, budget);
    };
    if (spec.matchConditions?.length) {
      const met = evaluateConditions(language, spec.matchConditions, types, await valuesOf());
      if (met.kind === "unmet") return undefined;
      if (met.kind === "failed") throw new MutationError(met.why);
    }
    for (const mutation of spec.mutations ?? []) {
      if (!schema) throw new MutationError(`no schema for ${matched.kind.kind}`);
      const values = await valuesOf();
      const run = (expression: string): unknown => language.compileMutation(expression, types).run(values, budget);
      object = decodeAs(matched.kind, kind, mutated(language, mutation, object, schema, run));
    }
  } catch (error) {
    const isOurs = error instanceof MutationError || error instanceof StatusError || error instanceof language.CelError;
    if (!isOurs) throw error;
    if (spec.failurePolicy === "Ignore") return undefined;
    throw failed(error.message);
  }
  const own = kinds.find(attributes.resource.group, attributes.resource.version, attributes.resource.resource);
  return kind && own && kind !== own && object.kind === kind.kind ? convertBetween(kind, own, object) : object;
}

/** Said without the words of a refusal; its code is that of one. */
function denied(
  attributes: AdmissionAttributes,
  policy: string,
  binding: string | undefined,
  why: string,
  reason: "Forbidden" | "Invalid",
): StatusError {
  const by = binding === undefined ? "" : ` with binding '${binding}'`;
  const message = `policy '${policy}'${by} denied request: ${why}`;
  return new StatusError({ ...refusal(attributes, message, [{ message }]).status, message, reason });
}
