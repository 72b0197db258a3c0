/** Sums of resources by name, exact: the arithmetic of quotas (Kubernetes' `apiserver/pkg/quota/v1/resources.go`). */
import { addQuantities, compareQuantities, subtractQuantities } from "@coxswain/apimachinery";

/** Quantities by resource name: `{ "requests.cpu": "250m", pods: "1" }`. */
export type Amounts = Readonly<Record<string, string>>;

/** A resource list as objects hold it; numbers are accepted there, too. */
export function amountsIn(list: Readonly<Record<string, string | number>> | undefined): Amounts {
  return Object.fromEntries(Object.entries(list ?? {}).map(([name, amount]) => [name, String(amount)]));
}

export function addAmounts(left: Amounts, right: Amounts): Amounts {
  const sum: Record<string, string> = { ...left };
  for (const [name, amount] of Object.entries(right)) sum[name] = addQuantities(sum[name] ?? "0", amount);
  return sum;
}

/** What `left` has more than `right`; negative where it has less. */
export function subtractAmounts(left: Amounts, right: Amounts): Amounts {
  const rest: Record<string, string> = { ...left };
  for (const [name, amount] of Object.entries(right)) rest[name] = subtractQuantities(rest[name] ?? "0", amount);
  return rest;
}

/** The larger of both, name by name. */
export function largestAmounts(left: Amounts, right: Amounts): Amounts {
  const largest: Record<string, string> = { ...left };
  for (const [name, amount] of Object.entries(right)) {
    const known = largest[name];
    if (known === undefined || compareQuantities(amount, known) > 0) largest[name] = amount;
  }
  return largest;
}

/** Only these names. */
export function maskAmounts(amounts: Amounts, names: readonly string[]): Amounts {
  return Object.fromEntries(Object.entries(amounts).filter(([name]) => names.includes(name)));
}

/** The names of which there is more than the limit says; a name without a limit is not limited. */
export function exceeding(amounts: Amounts, limits: Amounts): readonly string[] {
  return Object.entries(amounts).flatMap(([name, amount]) => {
    const limit = limits[name];
    return limit !== undefined && compareQuantities(amount, limit) > 0 ? [name] : [];
  });
}

/** `cpu=1,pods=3`, sorted by name. */
export function describeAmounts(amounts: Amounts): string {
  return Object.entries(amounts)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, amount]) => `${name}=${amount}`)
    .join(",");
}
