// Numbers against a schema, as kube-openapi checks them: what Go has read as int64 is compared as one, anything else as float64. A bound that
// is no number of the schema's own type is complained of together with every value.
import type { FieldError } from "@coxswain/apimachinery";
import { fieldErrors } from "@coxswain/apimachinery";
import type { JsonSchema } from "./structural.ts";

const { invalid } = fieldErrors;
const largestFloat32 = 3.4028234663852886e38;

/** How Go keeps a number of JSON. */
export function numberTypeOf(value: number | bigint): "int64" | "float64" {
  if (typeof value === "number" && !Number.isInteger(value)) return "float64";
  const exact = BigInt(value);
  return exact >= -(2n ** 63n) && exact < 2n ** 63n ? "int64" : "float64";
}

/** Whether a float is as good as a whole number that JSON can carry exactly. */
export function isInteger(value: number): boolean {
  if (!Number.isFinite(value) || Math.abs(value) > Number.MAX_SAFE_INTEGER) return false;
  const whole = Math.trunc(value);
  if (whole === value) return true;
  return whole !== 0 && Math.abs(value - whole) / (Math.abs(value) + Math.abs(whole)) < 1e-9;
}

/** `says` names the place in the validator's words. */
export function numberErrors(
  value: number | bigint,
  schema: JsonSchema,
  types: readonly string[],
  format: string | undefined,
  path: string,
  says: string,
): FieldError[] {
  const { maximum, minimum, multipleOf } = schema;
  const type = types.length === 1 ? types[0] : undefined;
  const isWhole = numberTypeOf(value) === "int64";
  const outside = (number: number | bigint, what: string): FieldError[] => {
    if (fits(number, type, format)) return [];
    const kind = format === undefined ? `${type} (default format)` : `${type} with format ${format}`;
    return [invalid("<nil>", "", `${what} value must be of type ${kind} in ${path}`)];
  };
  const should = (detail: string): FieldError => invalid(path, value, `${says} should ${detail}`);
  // A bound is cut to a whole number where it fits and the value is one.
  const isCut = (bound: number): boolean => isWhole && fits(bound, type, format);
  const against = (bound: number): number => (isCut(bound) ? Math.trunc(bound) : bound);
  const text = (bound: number): string => (isCut(bound) ? String(Math.trunc(bound)) : floatText(bound));
  const errors = outside(value, "Checked");
  if (multipleOf !== undefined)
    errors.push(
      ...outside(multipleOf, "MultipleOf"),
      ...multipleErrors(value, against(multipleOf), text(multipleOf), path, should),
    );
  if (minimum !== undefined) {
    const bound = against(minimum);
    const isExclusive = schema.exclusiveMinimum === true;
    errors.push(...outside(minimum, "Minimum boundary"));
    if (isExclusive ? value <= bound : value < bound)
      errors.push(should(`be greater than ${isExclusive ? "" : "or equal to "}${text(minimum)}`));
  }
  if (maximum !== undefined) {
    const bound = against(maximum);
    const isExclusive = schema.exclusiveMaximum === true;
    errors.push(...outside(maximum, "Maximum boundary"));
    if (isExclusive ? value >= bound : value > bound)
      errors.push(should(`be less than ${isExclusive ? "" : "or equal to "}${text(maximum)}`));
  }
  return errors;
}

function fits(number: number | bigint, type: string | undefined, format: string | undefined): boolean {
  if (type !== "integer") return format !== "float" || Math.abs(Number(number)) <= largestFloat32;
  if (numberTypeOf(number) === "float64") return false;
  return format !== "int32" || (number >= -(2 ** 31) && number < 2 ** 31);
}

function multipleErrors(
  value: number | bigint,
  of: number,
  text: string,
  path: string,
  should: (detail: string) => FieldError,
): FieldError[] {
  if (of <= 0) return [invalid(path, of, `factor MultipleOf declared for ${path} must be positive: ${text}`)];
  const isMultiple =
    numberTypeOf(value) === "int64" && Number.isInteger(of)
      ? BigInt(value) % BigInt(of) === 0n
      : isInteger(of < 1 ? (1 / of) * Number(value) : Number(value) / of);
  return isMultiple ? [] : [should(`be a multiple of ${text}`)];
}

/** As Go prints a float: with an exponent from seven digits on. */
function floatText(value: number): string {
  const [digits = "", exponent = "0"] = value.toExponential().split("e");
  const power = Number(exponent);
  if (power >= -4 && power < 6) return String(value);
  return `${digits}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
}
