// Flags as kubectl's users type them (pflag's grammar): -nweb, -n=web, -it, --dry-run without a value, --no-headers as a name of its
// own. yargs reads none of these so, which is why the commands that kubectl has are parsed here. Knows no command.
import { nearest } from "@coxswain/apimachinery";
import { CommandError } from "../failure.ts";

export type FlagType = "text" | "bool" | "number" | "duration" | "slice" | "array";

export interface Flag {
  readonly type: FlagType;
  readonly help: string;
  readonly short?: string;
  /** As it would be typed; absent means empty, false or 0. */
  readonly default?: string;
  /** The value of the flag when it is given without one; such a flag takes a value only after "=". */
  readonly bare?: string;
  readonly hidden?: boolean;
  /** Why no other value than the default is taken: such a flag is there for those who spell the default out. */
  readonly fixed?: string;
}

export type Flags = Readonly<Record<string, Flag>>;

/** What was typed. Reading a flag that the command has not declared is a mistake in the program and throws. */
export class Args {
  readonly words: readonly string[];
  /** How many words stood before "--"; undefined without one. */
  readonly dashAt: number | undefined;
  readonly #flags: Flags;
  readonly #values: ReadonlyMap<string, readonly string[]>;

  constructor(
    flags: Flags,
    values: ReadonlyMap<string, readonly string[]>,
    words: readonly string[],
    dashAt: number | undefined,
  ) {
    this.#flags = flags;
    this.#values = values;
    this.words = words;
    this.dashAt = dashAt;
  }

  /** True when the flag was given on the command line. */
  has(name: string): boolean {
    return this.#values.has(name);
  }

  knows(name: string): boolean {
    return name in this.#flags;
  }

  text(name: string): string {
    return this.#last(name) ?? "";
  }

  flag(name: string): boolean {
    return isTrue(this.#last(name) ?? "false");
  }

  number(name: string): number {
    return Number(this.#last(name) ?? 0);
  }

  /** Milliseconds. */
  duration(name: string): number {
    return parseDuration(this.#last(name) ?? "0s") ?? 0;
  }

  list(name: string): readonly string[] {
    const flag = this.#declared(name);
    const given = this.#values.get(name) ?? (flag.default === undefined ? [] : [flag.default]);
    return flag.type === "slice" ? given.flatMap(splitSlice) : given;
  }

  #last(name: string): string | undefined {
    const flag = this.#declared(name);
    return this.#values.get(name)?.at(-1) ?? flag.default;
  }

  #declared(name: string): Flag {
    const flag = this.#flags[name];
    if (flag === undefined) throw new Error(`the command does not declare --${name}`);
    return flag;
  }
}

/** Throws a CommandError in pflag's words. */
export function parseArgs(flags: Flags, argv: readonly string[]): Args {
  const values = new Map<string, string[]>();
  const words: string[] = [];
  let dashAt: number | undefined;
  const set = (name: string, flag: Flag, value: string): void => {
    check(name, flag, value);
    values.set(name, [...(values.get(name) ?? []), value]);
  };
  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index] ?? "";
    if (word === "--") {
      dashAt = words.length;
      words.push(...argv.slice(index + 1));
      break;
    }
    if (word.startsWith("--")) {
      const equals = word.indexOf("=");
      const name = (equals < 0 ? word.slice(2) : word.slice(2, equals)).replaceAll("_", "-");
      const flag = flags[name];
      if (flag === undefined) throw new UsageError(`unknown flag: --${name}`, nearest(name, Object.keys(flags)));
      if (equals >= 0) set(name, flag, word.slice(equals + 1));
      else if (bareValue(flag) !== undefined) set(name, flag, bareValue(flag) ?? "");
      else if (index + 1 < argv.length) set(name, flag, argv[(index += 1)] ?? "");
      else throw new UsageError(`flag needs an argument: --${name}`);
    } else if (word.length > 1 && word.startsWith("-")) {
      index += shorts(word, argv[index + 1]);
    } else words.push(word);
  }
  return new Args(flags, values, words, dashAt);

  /** Reads "-it", "-nweb", "-n=web"; answers 1 when the next word was taken as a value. */
  function shorts(word: string, next: string | undefined): number {
    for (let at = 1; at < word.length; at += 1) {
      const letter = word[at] ?? "";
      const [name, flag] = Object.entries(flags).find(([, each]) => each.short === letter) ?? [];
      if (name === undefined || flag === undefined)
        throw new UsageError(`unknown shorthand flag: '${letter}' in ${word}`);
      const rest = word.slice(at + 1);
      if (rest.startsWith("=")) {
        set(name, flag, rest.slice(1));
        return 0;
      }
      const bare = bareValue(flag);
      if (bare !== undefined) {
        set(name, flag, bare);
        continue;
      }
      if (rest !== "") {
        set(name, flag, rest);
        return 0;
      }
      if (next === undefined) throw new UsageError(`flag needs an argument: '${letter}' in ${word}`);
      set(name, flag, next);
      return 1;
    }
    return 0;
  }
}

/** The command line itself is wrong; `cli.ts` adds where to read more. */
export class UsageError extends CommandError {
  readonly guess: string | undefined;
  constructor(message: string, guess?: string) {
    super(message);
    this.guess = guess;
  }
}

const bareValue = (flag: Flag): string | undefined => flag.bare ?? (flag.type === "bool" ? "true" : undefined);

const isTrue = (value: string): boolean => ["true", "t", "1", "T", "True", "TRUE"].includes(value);
const sameValue = (flag: Flag, value: string): boolean => {
  const usual = flag.default ?? (flag.type === "bool" ? "false" : flag.type === "number" ? "0" : "");
  if (flag.type === "bool") return isTrue(usual) === isTrue(value);
  return flag.type === "duration" ? (parseDuration(usual) ?? 0) === parseDuration(value) : usual === value;
};

function check(name: string, flag: Flag, value: string): void {
  const shown = flag.short === undefined ? `--${name}` : `-${flag.short}, --${name}`;
  const bad = (why: string): UsageError =>
    new UsageError(`invalid argument ${JSON.stringify(value)} for "${shown}" flag: ${why}`);
  if (flag.fixed !== undefined && !sameValue(flag, value))
    throw new UsageError(
      `--${name}${flag.type === "bool" && isTrue(value) ? "" : `=${value}`} is not supported: ${flag.fixed}`,
    );
  if (flag.type === "bool" && !/^(1|0|t|f|T|F|true|false|TRUE|FALSE|True|False)$/.test(value))
    throw bad(`strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`);
  if (flag.type === "number" && !/^[+-]?\d+$/.test(value))
    throw bad(`strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
  if (flag.type === "duration" && parseDuration(value) === undefined)
    throw bad(`time: ${/^[+-]?[\d.]+$/.test(value) ? "missing unit in" : "invalid"} duration ${JSON.stringify(value)}`);
}

const unitsMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** Go's durations ("1h30m", "500ms", "0") in milliseconds. */
export function parseDuration(text: string): number | undefined {
  if (/^[+-]?0$/.test(text)) return 0;
  const match = /^([+-]?)((?:\d+\.?\d*|\.\d+)(?:ns|us|µs|ms|s|m|h))+$/.exec(text);
  if (!match) return undefined;
  const parts = [...text.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)/g)];
  const sum = parts.reduce((total, [, number, unit]) => total + Number(number) * (unitsMs[unit ?? ""] ?? 0), 0);
  return match[1] === "-" ? -sum : sum;
}

/** "a,b", with quotes as CSV has them. */
function splitSlice(text: string): string[] {
  if (text === "") return [];
  if (!text.includes('"')) return text.split(",");
  return [...text.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? "",
  );
}
