// JSON as expressions see it where no schema says more: whole numbers are integers, objects are maps. And back again, for what an expression
// makes. Members that are computed when they are looked at (`variables.x`) have a type of their own.
import type { Environment } from "@marcbachmann/cel-js";
import { Optional } from "@marcbachmann/cel-js";

export function dynamicValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(dynamicValue);
  if (typeof value === "number") return Number.isInteger(value) ? BigInt(value) : value;
  if (typeof value !== "object" || value === null) return value ?? null;
  const result = new Map<string, unknown>();
  for (const [name, member] of Object.entries(value)) if (member !== undefined) result.set(name, dynamicValue(member));
  return result;
}

/** An optional value; undefined is an absent one. */
export function optional(value: unknown): unknown {
  return value === undefined ? Optional.none() : Optional.of(value);
}

/** JSON of a value; what is an absent optional is left out. Throws for what JSON cannot say. */
export function plainValue(value: unknown): unknown {
  if (value instanceof Optional) return value.hasValue() ? plainValue(value.value()) : undefined;
  if (typeof value === "bigint") return Number(value);
  if (Array.isArray(value)) return value.map(plainValue).filter((item) => item !== undefined);
  if (value === null || typeof value === "string" || typeof value === "boolean" || typeof value === "number")
    return value;
  const members = value instanceof Map ? [...value] : isPlain(value) ? Object.entries(value) : undefined;
  if (!members) throw new Error("the value has no form in JSON");
  return Object.fromEntries(
    members.map(([name, member]) => [String(name), plainValue(member)]).filter(([, member]) => member !== undefined),
  );
}

function isPlain(value: unknown): value is object {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

/** A map whose members are computed once, when they are first asked for; one that failed fails again. */
export class LazyMembers extends Map<string, unknown> {
  readonly #makers: ReadonlyMap<string, () => unknown>;
  readonly #failures = new Map<string, unknown>();

  constructor(makers: ReadonlyMap<string, () => unknown>) {
    super();
    this.#makers = makers;
  }

  override get(name: string): unknown {
    if (this.#failures.has(name)) throw this.#failures.get(name);
    if (super.has(name)) return super.get(name);
    const make = this.#makers.get(name);
    if (!make) return undefined;
    try {
      const value = make() ?? null;
      super.set(name, value);
      return value;
    } catch (error) {
      this.#failures.set(name, error);
      throw error;
    }
  }
}

export function addLazyMembers(environment: Environment): void {
  environment.registerType("Variables", LazyMembers);
}
