// Types of expressions as they are known before anything runs, and which may stand for which. After cel-go's `checker/types.go`.

export interface Type {
  readonly name: string;
  readonly of: readonly Type[];
  /** Those of an object; undefined where it has no such member. */
  member?(name: string): Type | undefined;
}

export const plain = (name: string): Type => ({ name, of: [] });
export const listOf = (item: Type): Type => ({ name: "list", of: [item] });
export const mapOf = (key: Type, value: Type): Type => ({ name: "map", of: [key, value] });
export const optionalOf = (type: Type): Type => ({ name: "optional_type", of: [type] });
/** Anything, as Kubernetes has it, too. */
export const dyn = plain("dyn");
/** Anything, as it is not known here: nothing is said about it. */
export const unsure = plain("unsure");
/** What a fault has left. */
export const broken = plain("!error!");
export const bool = plain("bool");
export const int = plain("int");
export const text = plain("string");

const wildcards: ReadonlySet<string> = new Set(["dyn", "unsure", "!error!"]);
const withoutNull: ReadonlySet<string> = new Set("bool bytes double int string uint list map type".split(" "));

export function isWild({ name }: Type): boolean {
  return wildcards.has(name);
}

export function isUnsure({ name, of }: Type): boolean {
  return name === "unsure" || name === "!error!" || of.some(isUnsure);
}

export function isVariable({ name }: Type): boolean {
  return name.startsWith("?");
}

/** Variables nobody has bound may be anything. */
export function shown({ name, of }: Type): string {
  if (name === "unsure" || name.startsWith("?")) return "dyn";
  return of.length === 0 ? name : `${name}(${of.map(shown).join(", ")})`;
}

function same(one: Type, other: Type): boolean {
  return (
    one.name === other.name &&
    one.of.length === other.of.length &&
    one.of.every((part, index) => same(part, other.of[index] ?? broken))
  );
}

type Bindings = ReadonlyMap<string, Type>;

/** What the variables of one expression have turned out to be. */
export class Unifier {
  #bindings: Bindings = new Map();
  #count = 0;

  fresh(): Type {
    this.#count += 1;
    return plain(`?${this.#count}`);
  }

  /** Whether all fit; only then do variables become what they have met. */
  fit(given: readonly Type[], wanted: readonly Type[]): boolean {
    const attempt = new Map(this.#bindings);
    if (!fitAll(attempt, given, wanted)) return false;
    this.#bindings = attempt;
    return true;
  }

  resolve(type: Type): Type {
    return resolve(this.#bindings, type);
  }

  /** Of the types of items; undefined before the first. */
  join(before: Type | undefined, type: Type): Type {
    if (!before) return type;
    return this.fit([before], [type]) ? broader(before, type) : dyn;
  }
}

function resolve(bindings: Bindings, type: Type): Type {
  const bound = bindings.get(type.name);
  if (bound) return resolve(bindings, bound);
  return type.of.length === 0 ? type : { ...type, of: type.of.map((part) => resolve(bindings, part)) };
}

function fitAll(bindings: Map<string, Type>, given: readonly Type[], wanted: readonly Type[]): boolean {
  return given.length === wanted.length && given.every((type, index) => fits(bindings, type, wanted[index] ?? broken));
}

function fits(bindings: Map<string, Type>, given: Type, wanted: Type): boolean {
  if (isVariable(wanted)) {
    const wasBound = bindings.has(wanted.name);
    if (bind(bindings, wanted, given)) return true;
    if (wasBound) return false;
  }
  if (isVariable(given)) return bind(bindings, given, wanted);
  if (isWild(given) || isWild(wanted)) return true;
  if (given.name === "null" && wanted.name !== "null") return !withoutNull.has(wanted.name);
  if (wanted.name === "null" && given.name !== "null") return !withoutNull.has(given.name);
  if (given.name !== wanted.name) return false;
  return given.name === "type" || fitAll(bindings, given.of, wanted.of);
}

/** Whether the variable may stand for the type, and for what it has stood before. */
function bind(bindings: Map<string, Type>, variable: Type, type: Type): boolean {
  if (same(variable, type)) return true;
  const bound = bindings.get(variable.name);
  if (!bound) {
    if (holds(bindings, variable, type)) return false;
    bindings.set(variable.name, type);
    return true;
  }
  if (same(bound, type)) return true;
  if (!fits(bindings, type, bound)) return false;
  const both = broader(type, bound);
  if (!holds(bindings, variable, both)) bindings.set(variable.name, both);
  return true;
}

function holds(bindings: Bindings, variable: Type, type: Type): boolean {
  if (same(variable, type)) return true;
  const bound = bindings.get(type.name);
  return bound ? holds(bindings, variable, bound) : type.of.some((part) => holds(bindings, variable, part));
}

function broader(one: Type, other: Type): Type {
  return isAtLeast(one, other) ? one : other;
}

function isAtLeast(one: Type, other: Type): boolean {
  if (isWild(one) || isVariable(one)) return true;
  if (isWild(other) || isVariable(other) || one.name !== other.name) return false;
  return one.of.every((part, index) => isAtLeast(part, other.of[index] ?? broken));
}
