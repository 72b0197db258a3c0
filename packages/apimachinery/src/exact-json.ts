/**
 * Reads JSON without rounding integers: those that a double cannot hold, as far as int64 goes, become bigints, and leave as the digits they
 * came with. Everything else is as JSON.parse has it. A text without a long run of digits costs one look more, nothing else. Why so:
 * docs/decisions/0008.
 */

/** 2^53 has sixteen digits: what has no run of as many needs no second thought. */
const longRun = /\d{16}/;
const integer = /^-?\d+$/;
const least = -(2n ** 63n);
const most = 2n ** 63n - 1n;

export function parseJson(text: string): unknown {
  return longRun.test(text) ? (JSON.parse(text, exactly) as unknown) : (JSON.parse(text) as unknown);
}

/** A number, or a bigint where a number would not say the same. */
export function exactInteger(value: bigint): number | bigint {
  const rounded = Number(value);
  return Number.isSafeInteger(rounded) ? rounded : value;
}

/** What the platform tells of a value beside it: how it was written. */
interface Source {
  readonly source?: string;
}

function exactly(_key: string, value: unknown, context?: Source): unknown {
  if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
  const source = context?.source ?? "";
  if (!integer.test(source)) return value;
  const exact = BigInt(source);
  // Go reads what int64 does not hold as a float64, too.
  return exact < least || exact > most ? value : exact;
}

declare global {
  interface JSON {
    /** Text that JSON.stringify writes as it is. The platform has it, the compiler's library does not yet. */
    rawJSON(text: string): object;
  }
}

// JSON.stringify knows no bigints and throws; this is the hook it offers, and the only place from which all that is written can be reached.
Object.defineProperty(BigInt.prototype, "toJSON", {
  value(this: bigint) {
    return JSON.rawJSON(this.toString());
  },
  writable: true,
  configurable: true,
});
