// What is wrong with the types of an expression, said before it ever runs, with the words and places of cel-go's checker; after it, what its validators
// say of literals: items of one type, patterns that can be read. What is not known here may be anything: a right expression must not be refused.
import { goPattern } from "../custom/patterns.ts";
import { signaturesOf } from "./signatures.ts";
import type { Type } from "./static-types.ts";
import {
  bool,
  broken,
  dyn,
  int,
  isUnsure,
  isVariable,
  isWild,
  listOf,
  mapOf,
  optionalOf,
  plain,
  shown,
  text,
  Unifier,
  unsure,
} from "./static-types.ts";
import type { Node } from "./tree.ts";
import { isNode } from "./tree.ts";

export interface Fault {
  /** Where in the text. */
  readonly at: number;
  readonly words: string;
}

export interface Checked {
  readonly type: Type;
  /** In the order of the text. */
  readonly faults: readonly Fault[];
}

type Scope = ReadonlyMap<string, Type>;
type Placed = Node & { readonly start: number; readonly end: number };

/** `variables` are those whose types are known. */
export function checkTypes(tree: unknown, input: string, variables: Scope): Checked {
  const checker = new Checker(input);
  const type = checker.resolved(checker.typeOf(tree, variables));
  const faults = checker.faults.length > 0 ? checker.faults : checker.literalFaults();
  return { type, faults: faults.toSorted((one, other) => one.at - other.at) };
}

const typeNames: ReadonlySet<string> = new Set("bool bytes double int list map null_type string type uint".split(" "));
const quantifiers: ReadonlySet<string> = new Set(["all", "exists", "exists_one", "existsOne"]);

class Checker {
  readonly faults: Fault[] = [];
  readonly #input: string;
  readonly #types = new Unifier();
  /** Items of one literal each, with where they stand. */
  readonly #aggregates: (readonly (readonly [number, Type])[])[] = [];
  /** Those that cannot be read. */
  readonly #literals: Fault[] = [];

  constructor(input: string) {
    this.#input = input;
  }

  resolved(type: Type): Type {
    return this.#types.resolve(type);
  }

  typeOf(value: unknown, scope: Scope): Type {
    if (!isNode(value)) return unsure;
    const node = value as Placed;
    switch (node.op) {
      case "value":
        return typeOfValue(node.args);
      case "id":
        return scope.get(String(node.args)) ?? (typeNames.has(String(node.args)) ? typeOfType : unsure);
      case ".":
      case ".?":
        return this.#select(node, scope, this.#placeOf(node));
      case "call":
        return this.#call(node, scope);
      case "rcall":
        return this.#method(node, scope);
      case "list":
        return this.#list(node.args as readonly unknown[], scope);
      case "map":
        return this.#map(node.args as readonly (readonly [unknown, unknown])[], scope);
      case "&&":
      case "||":
        for (const part of node.args as readonly unknown[]) this.#mustBeBool(part, this.typeOf(part, scope));
        return bool;
      case "!_":
      case "-_":
        return this.#applied(node, node.op, undefined, [this.typeOf(node.args, scope)]);
      default:
        return Array.isArray(node.args)
          ? this.#applied(
              node,
              node.op,
              undefined,
              node.args.map((part) => this.typeOf(part, scope)),
            )
          : unsure;
    }
  }

  #select({ op, args }: Node, scope: Scope, at: number): Type {
    const [base, name] = args as readonly [unknown, string];
    const given = this.resolved(this.typeOf(base, scope));
    const isOptional = given.name === "optional_type";
    const found = this.#member(isOptional ? (given.of[0] ?? unsure) : given, name, at);
    return isOptional || op === ".?" ? optionalOf(found) : found;
  }

  #member(type: Type, name: string, at: number): Type {
    if (isWild(type) || isVariable(type)) return isUnsure(type) ? unsure : dyn;
    if (type.name === "map") return type.of[1] ?? unsure;
    if (!type.member) return this.#fault(at, `type '${shown(type)}' does not support field selection`);
    return type.member(name) ?? this.#fault(at, `undefined field '${name}'`);
  }

  #list(items: readonly unknown[], scope: Scope): Type {
    let joined: Type | undefined;
    const typed = items.map((item) => {
      const type = this.typeOf(item, scope);
      joined = this.#types.join(joined, type);
      return [this.#placeOf(item), type] as const;
    });
    this.#aggregates.push(typed);
    return listOf(joined ?? this.#types.fresh());
  }

  #map(entries: readonly (readonly [unknown, unknown])[], scope: Scope): Type {
    const columns = [0, 1].map(
      (column) =>
        this.#list(
          entries.map((entry) => entry[column]),
          scope,
        ).of[0] ?? unsure,
    );
    return mapOf(columns[0] ?? unsure, columns[1] ?? unsure);
  }

  #call(node: Placed, scope: Scope): Type {
    const [name, args] = node.args as readonly [string, readonly unknown[]];
    const [first, second] = args;
    if (name === "has" && args.length === 1) {
      if (isNode(first) && (first.op === "." || first.op === ".?")) this.#select(first, scope, this.#placeOf(node));
      return bool;
    }
    if (Object.hasOwn(literals, name)) this.#noteLiteral(name, name === "matches" ? second : first);
    return this.#applied(
      node,
      name,
      undefined,
      args.map((arg) => this.typeOf(arg, scope)),
    );
  }

  #method(node: Placed, scope: Scope): Type {
    const [name, receiver, args] = node.args as readonly [string, unknown, readonly unknown[]];
    const space = namespaceOf(receiver, scope);
    if (space !== undefined) {
      if (space === "cel" && name === "bind") return this.#bind(args, scope);
      const given = args.map((arg) => this.typeOf(arg, scope));
      return this.#applied(node, `${space}.${name}`, undefined, given);
    }
    const folded = this.#fold(node, name, receiver, args, scope);
    if (folded) return folded;
    if (name === "matches") this.#noteLiteral(name, args[0]);
    const outside = this.#aggregates.length;
    const given = args.map((arg) => this.typeOf(arg, scope));
    // What is formatted may be of any types.
    if (name === "format") this.#aggregates.length = outside;
    return this.#applied(node, name, this.typeOf(receiver, scope), given);
  }

  #bind([name, value, result]: readonly unknown[], scope: Scope): Type {
    return this.typeOf(result, within(scope, [[name, this.typeOf(value, scope)]]));
  }

  /** Macros: undefined where the call is none. */
  #fold(node: Placed, name: string, receiver: unknown, args: readonly unknown[], scope: Scope): Type | undefined {
    const [first, second] = args;
    if (!isName(first)) return undefined;
    const result = args.at(-1);
    if ((name === "optMap" || name === "optFlatMap") && args.length === 2) {
      const given = this.resolved(this.typeOf(receiver, scope));
      const found = this.typeOf(
        result,
        within(scope, [[first, given.name === "optional_type" ? given.of[0] : unsure]]),
      );
      return name === "optMap" ? optionalOf(found) : unsure;
    }
    if (quantifiers.has(name) && (args.length === 2 || (args.length === 3 && isName(second)))) {
      const [one, other] = this.#turnsOf(receiver, scope, args.length === 3);
      const inside = within(
        scope,
        args.length === 3
          ? [
              [first, one],
              [second, other],
            ]
          : [[first, one]],
      );
      const found = this.typeOf(result, inside);
      if (name === "all" || name === "exists") this.#mustBeBool(result, found);
      else this.#chosen(node, found, int);
      return bool;
    }
    if ((name === "filter" && args.length === 2) || (name === "map" && (args.length === 2 || args.length === 3))) {
      const [item] = this.#turnsOf(receiver, scope, false);
      const inside = within(scope, [[first, item]]);
      const filter = name === "filter" || args.length === 3 ? this.typeOf(second, inside) : bool;
      const found = listOf(name === "filter" ? item : this.typeOf(result, inside));
      this.#chosen(node, filter, found);
      return found;
    }
    if (/^transform(?:List|Map|MapEntry)$/.test(name) && (args.length === 3 || args.length === 4) && isName(second)) {
      const [key, item] = this.#turnsOf(receiver, scope, true);
      const inside = within(scope, [
        [first, key],
        [second, item],
      ]);
      if (args.length === 4) this.typeOf(args[2], inside);
      const found = this.typeOf(result, inside);
      return name === "transformList" ? listOf(found) : mapOf(name === "transformMap" ? key : unsure, unsure);
    }
    return undefined;
  }

  /** What a comprehension's variables are: items, or keys with their values. */
  #turnsOf(range: unknown, scope: Scope, isPair: boolean): readonly [Type, Type] {
    const type = this.resolved(this.typeOf(range, scope));
    const [first = unsure, second = unsure] = type.of;
    if (type.name === "list") return isPair ? [int, first] : [first, unsure];
    if (type.name === "map") return [first, second];
    if (isWild(type) || isVariable(type)) return isUnsure(type) ? [unsure, unsure] : [dyn, dyn];
    const words = `expression of type '${shown(type)}' cannot be range of a comprehension (must be list, map, or dynamic)`;
    this.#fault(this.#placeOf(range), words);
    return [broken, broken];
  }

  #mustBeBool(node: unknown, type: Type): void {
    if (!this.#types.fit([type], [bool]))
      this.#fault(this.#placeOf(node), `expected type 'bool' but found '${shown(this.resolved(type))}'`);
  }

  /** What macros make of a filter. */
  #chosen(node: Placed, filter: Type, result: Type): void {
    this.#applied(node, "?:", undefined, [filter, result, result]);
  }

  #applied(node: Placed, name: string, receiver: Type | undefined, args: readonly Type[]): Type {
    const signatures = signaturesOf(name);
    const given = receiver ? [receiver, ...args] : args;
    if (!signatures) return unsure;
    let answer: Type | undefined;
    for (const { hasReceiver, takes, answers } of signatures) {
      if (hasReceiver !== (receiver !== undefined)) continue;
      const variables = new Map<string, Type>();
      if (
        !this.#types.fit(
          given,
          takes.map((type) => this.#instance(type, variables)),
        )
      )
        continue;
      const found = this.resolved(this.#instance(answers, variables));
      if (!answer) answer = found;
      else if (shown(answer) !== shown(found))
        answer = given.some((type) => isUnsure(this.resolved(type))) ? unsure : dyn;
    }
    if (answer) return answer;
    const words = given.map((type) => shown(this.resolved(type)));
    const applied = receiver ? `${words[0]}.(${words.slice(1).join(", ")})` : `(${words.join(", ")})`;
    const spelled = operators[name] ?? (/^\W/.test(name) ? `_${name}_` : name);
    return this.#fault(this.#placeOf(node), `found no matching overload for '${spelled}' applied to '${applied}'`);
  }

  /** Of a signature: its variables are this call's own. */
  #instance(type: Type, variables: Map<string, Type>): Type {
    if (isVariable(type)) {
      const known = variables.get(type.name) ?? this.#types.fresh();
      variables.set(type.name, known);
      return known;
    }
    return type.of.length === 0 ? type : { ...type, of: type.of.map((part) => this.#instance(part, variables)) };
  }

  #fault(at: number, words: string): Type {
    this.faults.push({ at, words });
    return broken;
  }

  #noteLiteral(name: string, node: unknown): void {
    if (isNode(node) && node.op === "value" && typeof node.args === "string" && literals[name]?.(node.args) === false)
      this.#literals.push({ at: this.#placeOf(node), words: `invalid ${name} argument` });
  }

  literalFaults(): readonly Fault[] {
    if (this.#literals.length > 0) return this.#literals;
    return this.#aggregates.flatMap((items) => {
      const types = items.map(([at, type]) => [at, this.resolved(type)] as const);
      const [, first] = types[0] ?? [];
      if (!first || types.some(([, type]) => isUnsure(type))) return [];
      const odd = types.find(([, type]) => shown(type) !== shown(first));
      return odd ? [{ at: odd[0], words: `expected type '${shown(first)}' but found '${shown(odd[1])}'` }] : [];
    });
  }

  /** Operators, dots and brackets stand behind what they are applied to. */
  #placeOf(given: unknown): number {
    if (!isNode(given)) return 0;
    const node = given as Placed;
    const [first, second] = Array.isArray(node.args) ? (node.args as readonly unknown[]) : [];
    if (node.op === "call") return this.#input.indexOf("(", node.start + String(first).length);
    const before = (node.op === "rcall" ? second : first) as Placed | undefined;
    const sign = signs[node.op] ?? node.op;
    const isBehind = isNode(before) && !["value", "id", "list", "map", "!_", "-_"].includes(node.op);
    const at = isBehind ? this.#input.indexOf(sign, (before as Placed).end) : -1;
    return at < 0 ? node.start : at;
  }
}

const typeOfType: Type = { name: "type", of: [unsure] };
const operators: Readonly<Record<string, string>> = {
  "!_": "!_",
  "-_": "-_",
  "?:": "_?_:_",
  in: "@in",
  "[]": "_[_]",
  "[?]": "_[?_]",
};
const signs: Readonly<Record<string, string>> = { ".?": ".", "[]": "[", "[?]": "[", "?:": "?", rcall: "(" };

/** Arguments that are read before anything runs. */
const literals: Readonly<Record<string, (given: string) => boolean>> = {
  matches: isPattern,
  duration: (given) => /^[-+]?(?:0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/.test(given),
  timestamp: (given) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[-+]\d\d:\d\d)$/.test(given),
};

function typeOfValue(value: unknown): Type {
  switch (typeof value) {
    case "string":
      return text;
    case "bigint":
      return int;
    case "number":
      return plain("double");
    case "boolean":
      return bool;
    default:
      if (value === null) return plain("null");
      return plain(value instanceof Uint8Array ? "bytes" : "uint");
  }
}

/** A name of functions, such as `sets`: no variable. */
function namespaceOf(node: unknown, scope: Scope): string | undefined {
  return isName(node) && !scope.has(node.args) ? node.args : undefined;
}

function isName(node: unknown): node is Node & { readonly args: string } {
  return isNode(node) && node.op === "id";
}

function within(scope: Scope, added: readonly (readonly [unknown, Type | undefined])[]): Scope {
  return new Map([...scope, ...added.map(([name, type]) => [isName(name) ? name.args : "", type ?? unsure] as const)]);
}

function isPattern(pattern: string): boolean {
  try {
    return Boolean(goPattern(pattern));
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}
