// What the expressions of a policy may speak of, and the values for one request. `variables.x` is computed when it is first looked at, and then
// kept; its cost is charged to whoever looked.
import type { Variable } from "@coxswain/api/admissionregistration/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";
import type { Budget } from "../../cel/meter.ts";
import type { Language } from "../../cel/lazily.ts";
import type { Variables } from "../../cel/environment.ts";
import { requestVariables } from "../match/conditions.ts";

interface Composed {
  readonly paramKind?: unknown;
  readonly variables?: readonly DeepReadonly<Variable>[] | undefined;
}

/** `params` is there for policies that say of which kind they are. */
export function policyVariables({ paramKind }: Composed): Variables {
  return {
    ...requestVariables,
    namespaceObject: "dyn",
    variables: "Variables",
    ...(paramKind !== undefined && { params: "dyn" }),
  };
}

/** The values, with the policy's own variables. */
export function composed(
  { compile, CelError, LazyMembers }: Language,
  spec: Composed,
  values: Readonly<Record<string, unknown>>,
  budget: Budget,
): Readonly<Record<string, unknown>> {
  const types = policyVariables(spec);
  const makers = (spec.variables ?? []).map(({ name, expression }) => {
    const make = (): unknown => {
      try {
        return compile(expression, types).run(all, budget);
      } catch (error) {
        if (error instanceof CelError && !error.isOutOfBudget)
          throw new CelError(`composited variable "${name}" fails to evaluate: ${error.message}`, { cause: error });
        throw error;
      }
    };
    return [name, make] as const;
  });
  const all: Readonly<Record<string, unknown>> = { ...values, variables: new LazyMembers(new Map(makers)) };
  return all;
}
