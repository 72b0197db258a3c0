// ValidatingAdmissionPolicy: expressions instead of webhooks. A policy says what is to hold, its bindings say where, with which parameters, and what
// follows when it does not. After apiserver's `policy/validating/dispatcher.go`, in its words.
import type {
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from "@coxswain/api/admissionregistration/v1";
import { StatusError, type Status } from "@coxswain/apimachinery";
import type { Clock } from "@coxswain/clock";
import type { RequestAuthorizer } from "../../authz/attributes.ts";
import { loadLanguage } from "../../cel/lazily.ts";
import type { Kind, Kinds } from "../../registry/kind.ts";
import type { AdmissionAttributes, AdmissionPlugin, ObjectReader } from "../../request.ts";
import { requestValues } from "../match/conditions.ts";
import { concernsConfigured, configured } from "../match/configured.ts";
import type { Matched } from "../match/selection.ts";
import { matchedByResources, namespaceOf } from "../match/selection.ts";
import { refusal } from "../refusal.ts";
import { shownAs } from "../webhook/invocation.ts";
import type { Evaluation, Finding } from "./evaluate.ts";
import { evaluatePolicy, namespaceValue } from "./evaluate.ts";
import { ConfigurationError, paramResource, paramsOf } from "./params.ts";
import type { Bound } from "./policies.ts";
import { boundPolicies } from "./policies.ts";

export interface PolicyPorts {
  readonly objects: ObjectReader;
  readonly kinds: Kinds;
  readonly authorizer: RequestAuthorizer;
  readonly clock: Clock;
}

type BoundPolicy = Bound<ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding>;

const group = "admissionregistration.k8s.io";

export function createValidatingPolicies(ports: PolicyPorts): AdmissionPlugin {
  const policies = configured(
    ports.objects,
    [
      { group, resource: "validatingadmissionpolicies" },
      { group, resource: "validatingadmissionpolicybindings" },
    ],
    ([found = [], bindings = []]) =>
      boundPolicies(
        found as readonly ValidatingAdmissionPolicy[],
        bindings as readonly ValidatingAdmissionPolicyBinding[],
      ),
  );
  return {
    name: "ValidatingAdmissionPolicy",
    handles: concernsConfigured(policies),
    async validate(attributes) {
      await policies.whenSynced(attributes.signal);
      const denials: Denial[] = [];
      const annotations = new Map<string, Set<string>>();
      for (const bound of policies.current())
        denials.push(...(await denialsOf(bound, attributes, ports, (key, value) => add(annotations, key, value))));
      for (const [key, values] of annotations) attributes.audit?.annotate(key, [...values].join(", "));
      const [first] = denials;
      if (first) throw denied(attributes, first);
    },
  };
}

interface Denial extends Finding {
  readonly policy: string;
  /** Undefined where the policy itself is at fault. */
  readonly binding?: string;
}

async function denialsOf(
  { policy, selectors, bindings }: BoundPolicy,
  attributes: AdmissionAttributes,
  ports: PolicyPorts,
  annotate: (key: string, value: string) => void,
): Promise<readonly Denial[]> {
  const name = policy.metadata.name;
  const spec = policy.spec ?? {};
  const atFault = (error: unknown, what: string, binding?: string): readonly Denial[] => {
    if (!(error instanceof ConfigurationError || error instanceof StatusError)) throw error;
    if (spec.failurePolicy === "Ignore") return [];
    const message = `failed to configure ${what}: ${error.message}`;
    return [{ policy: name, message, ...(binding !== undefined && { binding }) }];
  };
  let matched: Matched | undefined;
  let resource: Kind | undefined;
  try {
    matched = await matchedByResources(spec.matchConstraints, selectors, attributes, ports);
    if (!matched) return [];
    resource = spec.paramKind && paramResource(spec.paramKind, ports.kinds);
  } catch (error) {
    return atFault(error, "policy");
  }
  const denials: Denial[] = [];
  for (const { binding, selectors: bindingSelectors } of bindings) {
    const { matchResources, paramRef, validationActions } = binding.spec;
    try {
      if (!(await matchedByResources(matchResources, bindingSelectors, attributes, ports))) continue;
      const params = await paramsOf(resource, paramRef, attributes.namespace, ports);
      const evaluations = await evaluationsOf(policy, matched, params, attributes, ports);
      for (const [key, value] of evaluations.flatMap(({ annotations }) => annotations))
        annotate(`${name}/${key}`, value);
      for (const finding of evaluations.flatMap(({ findings }) => findings)) {
        if (validationActions.includes("Audit")) auditFailure(attributes, name, binding, finding);
        if (validationActions.includes("Deny"))
          denials.push({ ...finding, policy: name, binding: binding.metadata.name });
        if (validationActions.includes("Warn"))
          attributes.warn(
            `Validation failed for ValidatingAdmissionPolicy '${name}' with binding '${binding.metadata.name}': ${finding.message}`,
          );
      }
    } catch (error) {
      denials.push(...atFault(error, "binding", binding.metadata.name));
    }
  }
  return denials;
}

async function evaluationsOf(
  { spec = {} }: ValidatingAdmissionPolicy,
  matched: Matched,
  params: readonly (object | undefined)[],
  attributes: AdmissionAttributes,
  { objects, kinds, authorizer }: PolicyPorts,
): Promise<readonly Evaluation[]> {
  if (params.length === 0) return [];
  const language = await loadLanguage();
  const shown = await shownAs(attributes, matched.kind, kinds);
  const values = await requestValues(attributes, matched, shown, authorizer);
  const isNamespace = attributes.kind.kind === "Namespace" && attributes.kind.group === "";
  const namespace =
    attributes.namespace === "" || isNamespace ? undefined : await namespaceOf(attributes.namespace, objects);
  const namespaceObject = namespaceValue(language, namespace);
  return params.map((param) =>
    evaluatePolicy(language, spec, { ...values, namespaceObject, params: language.dynamicValue(param) }),
  );
}

/** The first failure of a request is told. */
function auditFailure(
  { audit }: AdmissionAttributes,
  policy: string,
  { metadata, spec }: BoundPolicy["bindings"][number]["binding"],
  { message, index = 0 }: Finding,
): void {
  const { validationActions } = spec;
  const failure = { message, policy, binding: metadata.name, expressionIndex: index, validationActions };
  audit?.annotate("validation.policy.admission.k8s.io/validation_failure", JSON.stringify([failure]));
}

function add(all: Map<string, Set<string>>, key: string, value: string): void {
  const values = all.get(key) ?? new Set<string>();
  all.set(key, values.add(value));
}

const codes: Readonly<Record<string, number>> = { Forbidden: 403, Unauthorized: 401, RequestEntityTooLarge: 413 };

function denied(
  attributes: AdmissionAttributes,
  { policy, binding, message, reason = "Invalid" }: Denial,
): StatusError {
  const by = binding === undefined ? "" : ` with binding '${binding}'`;
  const words = `ValidatingAdmissionPolicy '${policy}'${by} denied request: ${message}`;
  const { status } = refusal(attributes, words, [{ message: words }]);
  return new StatusError({ ...status, reason: reason as NonNullable<Status["reason"]>, code: codes[reason] ?? 422 });
}
