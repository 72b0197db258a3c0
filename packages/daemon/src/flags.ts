// Flags as a table: name, type, default, help, once. Parsed in the syntax of Go's pflag, since the flags carry
// Kubernetes' and etcd's own names and people paste their command lines. Reads no environment and exits nothing.
import { parseArgs } from "node:util";
import { UsageError } from "./errors.ts";
import { formatDuration, parseDuration } from "./duration.ts";

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
  /** One letter, as in `-w json`. */
  readonly short?: string;
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
export function parseFlags<Table extends FlagTable>(
  table: Table,
  argv: readonly string[],
  elsewhere?: ReadonlyMap<string, string>,
): FlagValues<Table> {
  const { flags, rest } = parseCommandLine(table, argv, elsewhere);
  if (rest.length > 0) throw new UsageError(`unknown argument ${JSON.stringify(rest[0])}: only flags are taken`);
  return flags;
}

/**
 * The flags, and what stood between and behind them. Throws `UsageError`. `elsewhere`: values of the environment or a file, for flags
 * that the command line does not name.
 */
export function parseCommandLine<Table extends FlagTable>(
  table: Table,
  argv: readonly string[],
  elsewhere: ReadonlyMap<string, string> = new Map(),
): { readonly flags: FlagValues<Table>; readonly rest: readonly string[] } {
  const values = new Map<string, unknown>();
  const { options, rest } = readTokens(table, argv);
  for (const [name, given] of options) {
    const flag = flagNamed(table, name);
    const value = parseValue(name, flag, given);
    const earlier = values.get(name);
    values.set(name, Array.isArray(earlier) && Array.isArray(value) ? [...earlier, ...value] : value);
  }
  for (const [name, text] of elsewhere)
    if (!values.has(name)) values.set(name, parseValue(name, flagNamed(table, name), text));
  for (const [name, flag] of Object.entries(table)) {
    if (values.has(name)) continue;
    if (flag.required) throw new UsageError(`required flag(s) "${name}" not set`);
    values.set(
      name,
      flag.type === "duration" && flag.default !== undefined ? parseDuration(flag.default) : flag.default,
    );
  }
  return { flags: Object.fromEntries(values) as FlagValues<Table>, rest };
}

/** Flags as environment variables name them: with the prefix "ETCD_", `--data-dir` is ETCD_DATA_DIR. Empty ones are not given. */
export function flagsFromEnvironment(
  table: FlagTable,
  prefix: string,
  environment: Readonly<Record<string, string | undefined>>,
): ReadonlyMap<string, string> {
  const named = Object.keys(table).map((name) => [name, environment[prefix + name.toUpperCase().replaceAll("-", "_")]]);
  return new Map(named.filter((pair): pair is [string, string] => pair[1] !== undefined && pair[1] !== ""));
}

function flagNamed(table: FlagTable, name: string): Flag {
  const flag = Object.hasOwn(table, name) ? table[name] : undefined;
  if (!flag) throw new UsageError(`unknown flag: --${name}`);
  return flag;
}

/** What the flags are, as Go's pflag writes values; those without one are empty. */
export function flagTexts<Table extends FlagTable>(
  table: Table,
  values: FlagValues<Table>,
): ReadonlyMap<string, string> {
  const textOf = (name: string, { type }: Flag): string => {
    const value: unknown = values[name];
    if (Array.isArray(value)) return `[${value.join(",")}]`;
    if (value === undefined) return type === "list" ? "[]" : "";
    return type === "duration" ? formatDuration(value as number) : String(value);
  };
  return new Map(Object.entries(table).map(([name, flag]) => [name, textOf(name, flag)]));
}

/** One flag a line, in the order of the table, as `--help` prints them. */
export function describeFlags(table: FlagTable): string {
  const rows = Object.entries(table).map(
    ([name, flag]) => [`${flag.short ? `-${flag.short}, ` : ""}--${name} ${flag.type}`, describe(flag)] as const,
  );
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}   ${right}`).join("\n");
}

function describe(flag: Flag): string {
  if (flag.required) return `${flag.help} (required)`;
  if (flag.default === undefined || flag.default === "") return flag.help;
  return `${flag.help} (default ${Array.isArray(flag.default) ? flag.default.join(",") || "none" : String(flag.default)})`;
}

/** A boolean flag needs no value; every other takes the rest of its word or the next word. */
function readTokens(
  table: FlagTable,
  argv: readonly string[],
): { options: [name: string, value: string | undefined][]; rest: string[] } {
  const known = Object.fromEntries(
    Object.entries(table).map(([name, flag]) => [
      name,
      { type: flag.type === "boolean" ? "boolean" : "string", ...(flag.short ? { short: flag.short } : {}) } as const,
    ]),
  );
  const { tokens } = parseArgs({
    args: [...argv],
    options: known,
    strict: false,
    tokens: true,
    allowPositionals: true,
  });
  const options: [string, string | undefined][] = [];
  const rest: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") rest.push(token.value);
    else if (token.kind === "option-terminator") throw new UsageError('unknown argument "--": only flags are taken');
    else if (token.rawName.startsWith("--") || Object.hasOwn(table, token.name))
      options.push([flagNamed(table, token.name) && token.name, token.value]);
    else throw new UsageError(`unknown shorthand flag: ${JSON.stringify(token.name)} in ${token.rawName}`);
  }
  return { options, rest };
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
