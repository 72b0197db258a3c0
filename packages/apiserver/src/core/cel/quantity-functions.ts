// Quantities in expressions: `quantity("1Gi").isGreaterThan(quantity("500Mi"))`, sums and differences.
import type { Environment } from "@marcbachmann/cel-js";
import {
  addQuantities,
  compareQuantities,
  parseQuantity,
  QuantityError,
  subtractQuantities,
} from "@coxswain/apimachinery";

class CelQuantity {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

const perUnit = 1_000_000_000n;

export function addQuantityFunctions(environment: Environment): void {
  const order = (left: CelQuantity, right: CelQuantity): number => compareQuantities(left.text, right.text);
  const operand = (value: bigint | CelQuantity): string => (value instanceof CelQuantity ? value.text : String(value));
  environment
    .registerType("Quantity", CelQuantity)
    .registerFunction("isQuantity(string): bool", isQuantity)
    .registerFunction("quantity(string): Quantity", (text: string) => {
      if (!isQuantity(text)) throw new Error(`quantities must match the regular expression: ${JSON.stringify(text)}`);
      return new CelQuantity(text);
    })
    .registerOperator("Quantity == Quantity", (left: CelQuantity, right: CelQuantity) => order(left, right) === 0)
    .registerFunction(
      "Quantity.isGreaterThan(Quantity): bool",
      (left: CelQuantity, right: CelQuantity) => order(left, right) > 0,
    )
    .registerFunction(
      "Quantity.isLessThan(Quantity): bool",
      (left: CelQuantity, right: CelQuantity) => order(left, right) < 0,
    )
    .registerFunction("Quantity.compareTo(Quantity): int", (left: CelQuantity, right: CelQuantity) =>
      BigInt(Math.sign(order(left, right))),
    )
    .registerFunction("Quantity.sign(): int", ({ text }: CelQuantity) =>
      BigInt(Math.sign(compareQuantities(text, "0"))),
    )
    .registerFunction(
      "Quantity.isInteger(): bool",
      ({ text }: CelQuantity) => parseQuantity(text).nano % perUnit === 0n,
    )
    .registerFunction("Quantity.asInteger(): int", ({ text }: CelQuantity) => {
      const { nano } = parseQuantity(text);
      if (nano % perUnit !== 0n) throw new Error("cannot convert value to integer");
      return nano / perUnit;
    })
    .registerFunction(
      "Quantity.asApproximateFloat(): double",
      ({ text }: CelQuantity) => Number(parseQuantity(text).nano) / Number(perUnit),
    );
  for (const type of ["Quantity", "int"])
    environment
      .registerFunction(
        `Quantity.add(${type}): Quantity`,
        (left: CelQuantity, right: bigint | CelQuantity) => new CelQuantity(addQuantities(left.text, operand(right))),
      )
      .registerFunction(
        `Quantity.sub(${type}): Quantity`,
        (left: CelQuantity, right: bigint | CelQuantity) =>
          new CelQuantity(subtractQuantities(left.text, operand(right))),
      );
}

function isQuantity(text: string): boolean {
  try {
    parseQuantity(text);
    return true;
  } catch (error) {
    if (error instanceof QuantityError) return false;
    throw error;
  }
}
