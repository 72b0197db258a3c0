/** Lists of resources hold no less than a thousandth: finer amounts are rounded up, as when Kubernetes reads them. */
import { formatQuantity, parseQuantity, type Quantity } from "@coxswain/apimachinery";

export function roundedResources(list: Record<string, Quantity>): Record<string, Quantity> {
  return Object.fromEntries(Object.entries(list).map(([name, amount]) => [name, rounded(amount)]));
}

/** The same for some members of an object, where they are. */
export function roundResources<Name extends string>(
  target: { [Key in Name]?: Record<string, Quantity> | undefined } | undefined,
  names: readonly Name[],
): void {
  for (const name of names) if (target?.[name] !== undefined) target[name] = roundedResources(target[name]);
}

function rounded(amount: Quantity): Quantity {
  const value = parseQuantity(amount);
  const rest = value.nano % 1_000_000n;
  if (rest === 0n) return amount;
  return formatQuantity({ ...value, nano: value.nano - rest + (value.nano > 0n ? 1_000_000n : 0n) });
}
