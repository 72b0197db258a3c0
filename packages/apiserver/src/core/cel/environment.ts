// The expression language of rules, conditions and policies (CEL), by the one library that speaks it, with Kubernetes' own functions added. An
// expression is parsed and checked once, and shared by all who ask for the same text with the same variables. Values come in as `values.ts` and
// `dynamic-values.ts` make them: fields are looked up when an expression runs, for their types are the values' own.
import { Environment, EvaluationError, ParseError, TypeError as CheckError } from "@marcbachmann/cel-js";
import type { ASTNode } from "@marcbachmann/cel-js";
import { addAddressFunctions } from "./address-functions.ts";
import { addAuthorizerFunctions } from "./authorizer-functions.ts";
import { addLazyMembers } from "./dynamic-values.ts";
import { addFormatFunctions } from "./format-functions.ts";
import { teachHas } from "./has-macro.ts";
import { addListFunctions } from "./list-functions.ts";
import { Budget, CostError, installMeter, metered, outOfBudget } from "./meter.ts";
import { messagesAsMaps } from "./message-literals.ts";
import { addPairMacros } from "./pair-macros.ts";
import { addQuantityFunctions } from "./quantity-functions.ts";
import { addTextFunctions } from "./text-functions.ts";
import { renameCalls } from "./tree.ts";
import { addVersionFunctions } from "./version-functions.ts";

export { Budget } from "./meter.ts";

/** Names of variables, and their types. */
export type Variables = Readonly<Record<string, string>>;

/** An expression that has been read, for whoever looks at it beside a schema. */
export interface Expression {
  readonly text: string;
  readonly tree: unknown;
}

export interface Program {
  readonly expression: Expression;
  /** The type of its result, such as `bool`. */
  readonly type: string;
  /** Whether a variable stands anywhere in it. */
  uses(variable: string): boolean;
  /** Throws a CelError. Costs are taken from the budget, which may be shared by several expressions. */
  run(values: Readonly<Record<string, unknown>>, budget?: Budget): unknown;
}

/** An expression that cannot be read, or that failed when it ran; the message is one line. */
export class CelError extends Error {
  override readonly name = "CelError";
  /** What the compiler says, with the place; the message where there is none. */
  readonly located: string;
  /** Nothing more is to be run for this request. */
  readonly isOutOfBudget: boolean;

  constructor(
    message: string,
    { located = message, isOutOfBudget = false, cause }: Partial<Omit<CelError, keyof Error>> & ErrorOptions = {},
  ) {
    super(message, { cause });
    this.located = located;
    this.isOutOfBudget = isOutOfBudget;
  }
}

const limits = { maxAstNodes: 20_000, maxDepth: 100, maxListElements: 1000, maxMapEntries: 1000, maxCallArguments: 32 };
const environments = new Map<string, Environment>();
const programs = new Map<string, Program>();
const mostPrograms = 5000;
const mostEnvironments = 100;

/** Throws a CelError. */
export function compile(expression: string, variables: Variables): Program {
  const scope = JSON.stringify(variables);
  const key = `${scope}${expression}`;
  const known = programs.get(key);
  if (known) return known;
  const program = compileAnew(expression, scope, variables);
  if (programs.size >= mostPrograms) programs.clear();
  programs.set(key, program);
  return program;
}

/** The same for what a mutation makes: messages are read as the maps that they are. */
export function compileMutation(expression: string, variables: Variables): Program {
  let text: string;
  try {
    text = messagesAsMaps(expression);
  } catch (error) {
    throw celError(error);
  }
  return compile(text, variables);
}

/** As it is written, for whoever looks at it before it is compiled. Throws a CelError. */
export function parse(expression: string, variables: Variables): Expression {
  try {
    return { text: expression, tree: environmentOf(JSON.stringify(variables), variables).parse(expression).ast };
  } catch (error) {
    throw celError(error);
  }
}

function compileAnew(expression: string, scope: string, variables: Variables): Program {
  try {
    const parsed = read(expression, environmentOf(scope, variables));
    const checked = parsed.check();
    if (!checked.valid) throw checked.error ?? new CelError("the expression has no type");
    const nodes = installMeter(parsed.ast);
    return {
      expression: { text: expression, tree: parsed.ast },
      type: String(checked.type),
      uses: (variable) => mentions(parsed.ast, variable),
      run(values, budget = new Budget()) {
        try {
          if (budget.left < nodes) throw new CostError(outOfBudget);
          budget.left -= nodes;
          return metered(budget, () => parsed({ ...values }) as unknown);
        } catch (error) {
          throw celError(error);
        }
      },
    };
  } catch (error) {
    throw celError(error);
  }
}

/** Parsed, and not yet checked. */
export function read(expression: string, environment: Environment): ReturnType<Environment["parse"]> {
  const parsed = environment.parse(expression);
  renameCalls(parsed.ast, "matches", "goMatches");
  teachHas(parsed.ast);
  return parsed;
}

function environmentOf(scope: string, variables: Variables): Environment {
  const known = environments.get(scope);
  if (known) return known;
  const environment = createEnvironment(variables);
  if (environments.size >= mostEnvironments) environments.clear();
  environments.set(scope, environment);
  return environment;
}

export function createEnvironment(variables: Variables): Environment {
  const environment = new Environment({ enableOptionalTypes: true, homogeneousAggregateLiterals: false, limits });
  for (const add of [
    addListFunctions,
    addTextFunctions,
    addQuantityFunctions,
    addAddressFunctions,
    addAuthorizerFunctions,
    addFormatFunctions,
    addPairMacros,
    addVersionFunctions,
    addLazyMembers,
  ])
    add(environment);
  for (const [name, type] of Object.entries(variables)) environment.registerVariable(name, type);
  return environment;
}

function mentions(node: unknown, name: string): boolean {
  if (Array.isArray(node)) return node.some((part) => mentions(part, name));
  if (typeof node !== "object" || node === null || !("op" in node)) return false;
  const { op, args } = node as Pick<ASTNode, "op" | "args">;
  return op === "id" ? args === name : mentions(args, name);
}

function celError(error: unknown): CelError {
  if (error instanceof CelError) return error;
  if (error instanceof CostError) return new CelError(error.message, { isOutOfBudget: true, cause: error });
  if (error instanceof EvaluationError) return new CelError(wordsOf(error), { cause: error });
  if (error instanceof ParseError || error instanceof CheckError)
    return new CelError(wordsOf(error), { located: locatedOf(error), cause: error });
  // A function met a value that it is not made for.
  if (error instanceof Error) return new CelError(error.message.split("\n", 1)[0] ?? "", { cause: error });
  throw error;
}

/** In the words of Kubernetes' evaluator, where people know them. */
function wordsOf(error: { readonly code: string; readonly summary: string }): string {
  const { code, summary } = error;
  const rest = summary.slice(summary.indexOf(": ") + 2);
  switch (code) {
    case "no_such_key":
      return summary.startsWith("No such key: ") ? `no such key: ${rest}` : summary;
    case "index_out_of_bounds":
      return summary.replace(/^.*index out of bounds, index (-?\d+).*$/, "index out of bounds: $1");
    case "unknown_variable":
      return `undeclared reference to '${rest}' (in container '')`;
    default:
      return summary.replaceAll("goMatches", "matches");
  }
}

/** As the compiler of Kubernetes shows a fault: the place, the line, and an arrow below. */
function locatedOf(error: CheckError | ParseError): string {
  const syntax = error instanceof ParseError ? "Syntax error: " : "";
  const words = `${syntax}${wordsOf(error)}`;
  const { range } = error;
  const input = error.node?.input;
  return range && input !== undefined ? faultAt(input, range.start, words) : `ERROR: <input>:1:1: ${words}`;
}

/** A fault at a place of an expression, in the compiler's form. */
export function faultAt(input: string, at: number, words: string): string {
  const before = input.slice(0, at).split("\n");
  const left = [...(before.at(-1) ?? "")];
  const line = input.split("\n")[before.length - 1] ?? "";
  return `ERROR: <input>:${before.length}:${left.length + 1}: ${words}\n | ${line}\n | ${left.map(dotBelow).join("")}^`;
}

/** As wide as Kubernetes' compiler takes a sign to be. */
function dotBelow(sign: string): string {
  return sign > "\u007f" ? "\uff0e" : ".";
}
