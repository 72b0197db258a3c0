// Whether a toleration covers a taint (core/v1 `ToleratesTaint`).
import type { DeepReadonly } from "@coxswain/apimachinery";
import type { Taint, Toleration } from "@coxswain/api/core/v1";

export type TaintView = DeepReadonly<Taint>;
export type TolerationView = DeepReadonly<Toleration>;

export function tolerates(toleration: TolerationView, taint: TaintView): boolean {
  const { key = "", operator = "Equal", value = "", effect } = toleration;
  if (effect !== undefined && String(effect) !== "" && effect !== taint.effect) return false;
  if (key !== "" && key !== taint.key) return false;
  if (operator === "Exists") return true;
  if (operator === "Equal") return key !== "" && value === (taint.value ?? "");
  return comparesTo(operator, value, taint.value ?? "");
}

/** `Gt` and `Lt`: the taint's value is a number beyond the toleration's. */
function comparesTo(operator: string, tolerated: string, tainted: string): boolean {
  const [wanted, found] = [integer(tolerated), integer(tainted)];
  if (wanted === undefined || found === undefined) return false;
  return operator === "Gt" ? found > wanted : operator === "Lt" ? found < wanted : false;
}

function integer(text: string): bigint | undefined {
  return /^-?\d+$/.test(text) ? BigInt(text) : undefined;
}
