// The expression language of validation rules (CEL), by the one library that speaks it, with Kubernetes' own functions added. An expression is
// parsed and checked once. Values come in as `values.ts` makes them: fields are looked up when an expression runs, for their types are the
// values' own. Not there: comprehensions over two variables, named formats, semantic versions, and the budget of costs (what an object may
// be as large as, and how deep an expression may be, bounds the work).
import type { ASTNode } from "@marcbachmann/cel-js";
import { Environment, EvaluationError, Optional, ParseError, TypeError as CheckError } from "@marcbachmann/cel-js";
import { addAddressFunctions } from "./address-functions.ts";
import { addListFunctions } from "./list-functions.ts";
import { addQuantityFunctions } from "./quantity-functions.ts";
import { addTextFunctions } from "./text-functions.ts";
import type { CelValue } from "./values.ts";

export interface Program {
  /** The type of its result, such as `bool`. */
  readonly type: string;
  readonly usesOldSelf: boolean;
  /** Throws a CelError. `old` is undefined where there is none. */
  run(self: CelValue, old: CelValue | undefined): unknown;
}

/** An expression that cannot be read, or that failed when it ran; the message is one line. */
export class CelError extends Error {
  override readonly name = "CelError";
}

const limits = { maxAstNodes: 20_000, maxDepth: 100, maxListElements: 1000, maxMapEntries: 1000, maxCallArguments: 32 };
const made = new Map<boolean, Environment>();
const programs = new Map<string, Program>();
const mostPrograms = 5000;

/** The compiled expression, shared by all who ask for the same text; throws a CelError. */
export function compile(expression: string, optionalOldSelf = false): Program {
  const key = `${optionalOldSelf ? "optional " : ""}${expression}`;
  const known = programs.get(key);
  if (known) return known;
  const program = compileAnew(expression, optionalOldSelf);
  if (programs.size >= mostPrograms) programs.clear();
  programs.set(key, program);
  return program;
}

function compileAnew(expression: string, optionalOldSelf: boolean): Program {
  try {
    const parsed = environmentOf(optionalOldSelf).parse(expression);
    const checked = parsed.check();
    if (!checked.valid) throw checked.error ?? new CelError("the expression has no type");
    const usesOldSelf = mentions(parsed.ast, "oldSelf");
    return {
      type: String(checked.type),
      usesOldSelf,
      run(self, old) {
        try {
          const before = optionalOldSelf ? (old === undefined ? Optional.none() : Optional.of(old)) : (old ?? null);
          return parsed({ self, oldSelf: before }) as unknown;
        } catch (error) {
          throw celError(error);
        }
      },
    };
  } catch (error) {
    throw celError(error);
  }
}

function environmentOf(optionalOldSelf: boolean): Environment {
  let environment = made.get(optionalOldSelf);
  if (!environment) {
    environment = new Environment({ enableOptionalTypes: true, homogeneousAggregateLiterals: false, limits });
    environment.registerVariable("self", "dyn").registerVariable("oldSelf", optionalOldSelf ? "optional<dyn>" : "dyn");
    for (const add of [addListFunctions, addTextFunctions, addQuantityFunctions, addAddressFunctions]) add(environment);
    made.set(optionalOldSelf, environment);
  }
  return environment;
}

/** Whether a variable stands anywhere in the expression. */
function mentions(node: unknown, name: string): boolean {
  if (Array.isArray(node)) return node.some((part) => mentions(part, name));
  if (typeof node !== "object" || node === null || !("op" in node)) return false;
  const { op, args } = node as Pick<ASTNode, "op" | "args">;
  return op === "id" ? args === name : mentions(args, name);
}

function celError(error: unknown): CelError {
  if (error instanceof CelError) return error;
  if (error instanceof EvaluationError || error instanceof ParseError || error instanceof CheckError)
    return new CelError(wordsOf(error), { cause: error });
  // A function met a value that it is not made for.
  if (error instanceof Error) return new CelError(error.message.split("\n", 1)[0] ?? "", { cause: error });
  throw error;
}

/** In the words of Kubernetes' evaluator, where people know them. */
function wordsOf(error: { readonly code: string; readonly summary: string }): string {
  const missing = /^No such key: (.+)$/.exec(error.summary)?.[1];
  return missing !== undefined && error.code === "no_such_key" ? `no such key: ${missing}` : error.summary;
}
