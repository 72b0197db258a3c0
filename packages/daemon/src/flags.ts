// Flags as a table: name, type, default, help, once. Parsed in the syntax of Go's pflag, since the flags carry
// Kubernetes' and etcd's own names and people paste their command lines. Reads no environment and exits nothing.
import { parseArgs } from "node:util";
import { UsageError } from "./errors.ts";
import { parseDuration } from "./duration.ts";

export interface FlagTypes {
  string: string;
  number: number;
  boolean: boolean;
  /** Comma separated, and repeatable. */
  list: readonly string[];
  /** Go syntax ("1m30s"); the value is in milliseconds. */
  duration: number;
}

export type Flag = { readonly [T in keyof FlagTypes]: FlagOf<T> }[keyof FlagTypes];

interface FlagOf<T extends keyof FlagTypes> {
  readonly type: T;
  /** Left out: the flag may be absent and its value is then undefined, unless it is required. */
  readonly default?: T extends "duration" ? string : FlagTypes[T];
  readonly required?: boolean;
  readonly help: string;
}

export type FlagTable = Readonly<Record<string, Flag>>;

export type FlagValues<Table extends FlagTable> = {
  readonly [Name in keyof Table]: Table[Name] extends { default: unknown } | { required: true }
    ? FlagTypes[Table[Name]["type"]]
    : FlagTypes[Table[Name]["type"]] | undefined;
};

/** Keeps the literal types of a table, so that `FlagValues` knows which flags always have a value. */
export function defineFlags<const Table extends FlagTable>(table: Table): Table {
  return table;
}

/** Throws `UsageError` for an unknown flag, a malformed value, a missing required flag or a stray argument. */
export function parseFlags<Table extends FlagTable>(table: Table, argv: readonly string[]): FlagValues<Table> {
  const values = new Map<string, unknown>();
  for (const [name, given] of readTokens(table, argv)) {
    const flag = flagNamed(table, name);
    const value = parseValue(name, flag, given);
    const earlier = values.get(name);
    values.set(name, Array.isArray(earlier) && Array.isArray(value) ? [...earlier, ...value] : value);
  }
  for (const [name, flag] of Object.entries(table)) {
    if (values.has(name)) continue;
    if (flag.required) throw new UsageError(`required flag(s) "${name}" not set`);
    values.set(
      name,
      flag.type === "duration" && flag.default !== undefined ? parseDuration(flag.default) : flag.default,
    );
  }
  return Object.fromEntries(values) as FlagValues<Table>;
}

function flagNamed(table: FlagTable, name: string): Flag {
  const flag = Object.hasOwn(table, name) ? table[name] : undefined;
  if (!flag) throw new UsageError(`unknown flag: --${name}`);
  return flag;
}

/** One flag a line, in the order of the table, as `--help` prints them. */
export function describeFlags(table: FlagTable): string {
  const rows = Object.entries(table).map(([name, flag]) => [`--${name} ${flag.type}`, describe(flag)] as const);
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}   ${right}`).join("\n");
}

function describe(flag: Flag): string {
  if (flag.required) return `${flag.help} (required)`;
  if (flag.default === undefined || flag.default === "") return flag.help;
  return `${flag.help} (default ${Array.isArray(flag.default) ? flag.default.join(",") || "none" : String(flag.default)})`;
}

/** A boolean flag needs no value; every other takes the rest of its word or the next word. */
function readTokens(table: FlagTable, argv: readonly string[]): [name: string, value: string | undefined][] {
  const options = Object.fromEntries(
    Object.entries(table).map(([name, flag]) => [
      name,
      { type: flag.type === "boolean" ? "boolean" : "string" } as const,
    ]),
  );
  const { tokens } = parseArgs({ args: [...argv], options, strict: false, tokens: true, allowPositionals: true });
  return tokens.map((token) => {
    switch (token.kind) {
      case "option":
        if (token.rawName.startsWith("--")) return [flagNamed(table, token.name) && token.name, token.value];
        throw new UsageError(`unknown shorthand flag: ${JSON.stringify(token.name)} in ${token.rawName}`);
      case "positional":
        throw new UsageError(`unknown argument ${JSON.stringify(token.value)}: only flags are taken`);
      case "option-terminator":
        throw new UsageError('unknown argument "--": only flags are taken');
    }
  });
}

function parseValue(name: string, flag: Flag, given: string | undefined): unknown {
  if (given === undefined && flag.type !== "boolean") throw new UsageError(`flag needs an argument: --${name}`);
  const text = given ?? "true";
  const invalid = (expected: string): UsageError =>
    new UsageError(`invalid argument ${JSON.stringify(text)} for "--${name}" flag: expected ${expected}`);
  switch (flag.type) {
    case "string":
      return text;
    case "list":
      return text === "" ? [] : text.split(",");
    case "boolean":
      if (/^(true|t|1)$/i.test(text)) return true;
      if (/^(false|f|0)$/i.test(text)) return false;
      throw invalid("true or false");
    case "number":
      if (/^-?\d+(\.\d+)?$/.test(text)) return Number(text);
      throw invalid("a number");
    case "duration": {
      const ms = parseDuration(text);
      if (ms === undefined) throw invalid('a duration such as "10s" or "1m30s"');
      return ms;
    }
  }
}
