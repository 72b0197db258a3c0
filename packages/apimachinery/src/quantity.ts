/**
 * Quantities: exact numbers with a unit, such as "250m", "1.5Gi" or "1e3" (k8s.io/apimachinery/pkg/api/resource). Held as a whole number of
 * nano-units, so that sums and comparisons never round; the canonical text is the one that Kubernetes writes.
 */
import type { Quantity } from "./meta.ts";

export interface QuantityValue {
  /** The amount in billionths. */
  readonly nano: bigint;
  readonly format: "DecimalSI" | "BinarySI" | "DecimalExponent";
}

const nanoPerUnit = 1_000_000_000n;
const maximum = ((1n << 63n) - 1n) * nanoPerUnit;
const shape = /^([+-]?)(\d*)(?:\.(\d*))?(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]|[eE][+-]?\d+)?$/;
const decimalPowers: Readonly<Record<string, number>> = {
  n: -9,
  u: -6,
  m: -3,
  "": 0,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
};
const decimalSuffixes = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
const binarySuffixes = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

/** What Kubernetes says about a text that is no quantity. */
export const quantityFormatError =
  "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const suffixError = "unable to parse quantity's suffix";

/** Thrown by parseQuantity, with Kubernetes' words. */
export class QuantityError extends Error {
  override readonly name = "QuantityError";
}

/** Reads a quantity. Amounts below a billionth are rounded up, amounts above 2^63-1 are held at it, as Kubernetes does. */
export function parseQuantity(text: Quantity | number): QuantityValue {
  const given = String(text);
  const known = parsed.get(given);
  if (known !== undefined) return known;
  const value = Object.freeze(readQuantity(given));
  if (parsed.size >= mostRemembered) parsed.clear();
  if (given.length <= longestRemembered) parsed.set(given, value);
  return value;
}

/** The same few texts come again and again: each object is looked at many times, and they are alike. */
const parsed = new Map<string, QuantityValue>();
const mostRemembered = 10_000;
const longestRemembered = 32;

function readQuantity(given: string): QuantityValue {
  const match = shape.exec(given);
  const [, sign = "", whole = "", fraction = "", suffix = ""] = match ?? [];
  if (match === null || whole + fraction === "") {
    const looksLikeNumber =
      /^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$/.test(given) && /^[+-]?(\d+\.?\d*|\.\d+)/.test(given);
    throw new QuantityError(looksLikeNumber ? suffixError : quantityFormatError);
  }
  const digits = BigInt(whole + fraction);
  const binary = suffix.endsWith("i");
  const exponential = /^[eE]./.test(suffix) && !binary && /\d/.test(suffix);
  const power = exponential ? Number(suffix.slice(1)) : (decimalPowers[suffix] ?? 0);
  const units = binary ? digits * 1024n ** BigInt(binarySuffixes.indexOf(suffix)) : digits;
  const shift = (binary ? 0 : power) - fraction.length + 9;
  const amount = shift > 60 && units !== 0n ? maximum : scale(units, shift);
  const held = amount > maximum ? maximum : amount;
  return {
    nano: sign === "-" ? -held : held,
    format: binary ? "BinarySI" : exponential ? "DecimalExponent" : "DecimalSI",
  };
}

/** The canonical text: no fraction, the largest unit that needs none. */
export function formatQuantity(value: QuantityValue): Quantity {
  const { nano, format } = value;
  if (nano === 0n) return "0";
  const size = nano < 0n ? -nano : nano;
  const sign = nano < 0n ? "-" : "";
  if (format === "BinarySI" && size >= 1024n * nanoPerUnit && size % nanoPerUnit === 0n) {
    let [mantissa, step] = [size / nanoPerUnit, 0];
    while (mantissa % 1024n === 0n && step < binarySuffixes.length - 1) [mantissa, step] = [mantissa / 1024n, step + 1];
    return `${sign}${mantissa}${binarySuffixes[step]}`;
  }
  let [mantissa, step] = [size, 0];
  while (mantissa % 1000n === 0n && step < decimalSuffixes.length - 1) [mantissa, step] = [mantissa / 1000n, step + 1];
  const exponent = (step - 3) * 3;
  if (format === "DecimalExponent") return `${sign}${mantissa}${exponent === 0 ? "" : `e${exponent}`}`;
  return `${sign}${mantissa}${decimalSuffixes[step]}`;
}

/** The canonical text of a quantity in any spelling. */
export function canonicalQuantity(text: Quantity | number): Quantity {
  const value = parseQuantity(text);
  let canonical = canonicals.get(value);
  if (canonical === undefined) canonicals.set(value, (canonical = formatQuantity(value)));
  return canonical;
}

const canonicals = new WeakMap<QuantityValue, Quantity>();

/** Below, at or above zero as `left` is less than, equal to or more than `right`. */
export function compareQuantities(left: Quantity, right: Quantity): number {
  const [a, b] = [parseQuantity(left).nano, parseQuantity(right).nano];
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The sum, in the format of the first that is not zero. */
export function addQuantities(left: Quantity, right: Quantity): Quantity {
  return combine(parseQuantity(left), parseQuantity(right), 1n);
}

/** The difference, in the format of the first that is not zero. */
export function subtractQuantities(left: Quantity, right: Quantity): Quantity {
  return combine(parseQuantity(left), parseQuantity(right), -1n);
}

/** Whole units, rounded up; exact up to 2^53. */
export function quantityUnits(text: Quantity): number {
  return Number(divideUp(parseQuantity(text).nano, nanoPerUnit));
}

/** Thousandths, rounded up: "250m" of CPU is 250. */
export function quantityMillis(text: Quantity): number {
  return Number(divideUp(parseQuantity(text).nano, 1_000_000n));
}

function combine(left: QuantityValue, right: QuantityValue, sign: bigint): Quantity {
  const format = left.nano === 0n ? right.format : left.format;
  return formatQuantity({ nano: left.nano + sign * right.nano, format });
}

function scale(digits: bigint, power: number): bigint {
  if (power >= 0) return digits * 10n ** BigInt(power);
  return power < -10_000 ? (digits === 0n ? 0n : 1n) : divideUp(digits, 10n ** BigInt(-power));
}

/** Division that rounds away from zero. */
function divideUp(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  if (value % by === 0n) return quotient;
  return value < 0n ? quotient - 1n : quotient + 1n;
}
