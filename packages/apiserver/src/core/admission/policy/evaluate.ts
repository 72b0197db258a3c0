// One evaluation of a ValidatingAdmissionPolicy: its conditions, its validations, the words of those that fail, and its audit annotations, all
// under one budget. After apiserver's `policy/validating/validator.go`. It decides nothing about the request: bindings do.
import type { ValidatingAdmissionPolicySpec, Validation } from "@coxswain/api/admissionregistration/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";
import type { Language } from "../../cel/lazily.ts";
import { evaluateConditions } from "../match/conditions.ts";
import { composed, policyVariables } from "./variables.ts";

export interface Finding {
  readonly message: string;
  /** The reason of the answer's status; undefined: Invalid. */
  readonly reason?: string | undefined;
  /** Which of the validations it is; undefined: none of them. */
  readonly index?: number;
}

export interface Evaluation {
  readonly findings: readonly Finding[];
  /** For the audit log, in order; a key may occur more than once. */
  readonly annotations: readonly (readonly [key: string, value: string])[];
}

/** Longer ones are cut. */
const longestAnnotation = 10 * 1024;
const longestMessage = 5 * 1024;

/** What speaks against the request, and what is to be told of it. `values` are those of the request, with `params` and `namespaceObject`. */
export function evaluatePolicy(
  language: Language,
  spec: DeepReadonly<ValidatingAdmissionPolicySpec>,
  values: Readonly<Record<string, unknown>>,
): Evaluation {
  const failed = (message: string): readonly Finding[] => (spec.failurePolicy === "Ignore" ? [] : [{ message }]);
  const types = policyVariables(spec);
  if (spec.matchConditions?.length) {
    const conditionValues = composed(language, spec, values, new language.Budget());
    const met = evaluateConditions(language, spec.matchConditions, types, conditionValues);
    if (met.kind === "failed") return { findings: failed(met.why), annotations: [] };
    if (met.kind === "unmet") return { findings: [], annotations: [] };
  }
  const budget = new language.Budget();
  const run = (expression: string): unknown => language.compile(expression, types).run(all, budget);
  const all = composed(language, spec, values, budget);
  const findings: Finding[] = [];
  const annotations: (readonly [string, string])[] = [];
  try {
    for (const [index, validation] of (spec.validations ?? []).entries()) {
      const outcome = attempt(language, validation.expression, run);
      if (outcome.error !== undefined) findings.push(...failed(outcome.error));
      else if (outcome.value !== true)
        findings.push({ message: words(language, validation, run), reason: validation.reason, index });
    }
    for (const { key, valueExpression } of spec.auditAnnotations ?? []) {
      const outcome = attempt(language, valueExpression, run);
      if (outcome.error !== undefined) findings.push(...failed(outcome.error));
      else if (typeof outcome.value === "string") {
        const text = outcome.value.trim().slice(0, longestAnnotation);
        if (text !== "") annotations.push([key, text]);
      } else if (outcome.value !== null)
        findings.push(
          ...failed(
            `valueExpression '${valueExpression}' resulted in unsupported return type: ${typeof outcome.value}. Return type must be either string or null.`,
          ),
        );
    }
    return { findings, annotations };
  } catch (error) {
    if (error instanceof language.CelError && error.isOutOfBudget)
      return { findings: failed(error.message), annotations };
    throw error;
  }
}

/** Throws when the budget is spent. */
function attempt(
  { CelError }: Language,
  expression: string,
  run: (expression: string) => unknown,
): { readonly value?: unknown; readonly error?: string } {
  try {
    return { value: run(expression) };
  } catch (error) {
    if (!(error instanceof CelError) || error.isOutOfBudget) throw error;
    return { error: `expression '${expression}' resulted in error: ${error.message}` };
  }
}

/** What a failed validation says: by its expression, by its message, or its own text. */
function words(
  language: Language,
  { expression, message = "", messageExpression = "" }: DeepReadonly<Validation>,
  run: (expression: string) => unknown,
): string {
  const made = messageExpression === "" ? undefined : attempt(language, messageExpression, run).value;
  const text = typeof made === "string" ? made.trim() : "";
  if (text !== "" && !text.includes("\n") && Buffer.byteLength(text) <= longestMessage) return text;
  return message.trim() || `failed expression: ${expression.trim()}`;
}

/** What is known of a namespace as `namespaceObject`. */
export function namespaceValue({ dynamicValue }: Language, namespace: object | undefined): unknown {
  if (!namespace) return null;
  const { metadata, spec, status } = namespace as Readonly<Record<string, object | undefined>>;
  const { managedFields: _managed, ownerReferences: _owners, ...shown } = metadata as Record<string, unknown>;
  const { phase } = (status ?? {}) as { readonly phase?: unknown };
  return dynamicValue({
    metadata: shown,
    ...(spec !== undefined && { spec }),
    ...(phase !== undefined && { status: { phase } }),
  });
}
