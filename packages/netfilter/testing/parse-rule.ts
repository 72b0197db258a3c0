// Reads rules of our own vocabulary back from `iptables-save` text, for the walker. It fails on any word it does not
// know: a rule that the walker would misread must not pass a test.

export interface ParsedRule {
  readonly text: string;
  readonly tests: readonly ParsedTest[];
  readonly target: string | undefined;
  /** Options of the target, for example { "--to-destination": "10.244.0.5:80" }. */
  readonly options: Readonly<Record<string, string>>;
}

export interface ParsedTest {
  readonly option: string;
  readonly value: string;
  readonly not: boolean;
}

/** Table name → chain name → rules. */
export type ParsedTables = Map<string, Map<string, ParsedRule[]>>;

export function parseTables(text: string): ParsedTables {
  const tables: ParsedTables = new Map();
  let chains: Map<string, ParsedRule[]> = new Map();
  for (const line of text.split("\n")) {
    if (line.startsWith("*")) tables.set(line.slice(1), (chains = new Map()));
    else if (line.startsWith(":")) chains.set(line.slice(1).split(" ")[0] ?? "", []);
    else if (line.startsWith("-A ")) {
      const [, chain = "", ...words] = split(line);
      const rules = chains.get(chain) ?? [];
      rules.push(parseRule(words, line));
      chains.set(chain, rules);
    } else if (line !== "" && line !== "COMMIT" && !line.startsWith("#"))
      throw new Error(`expected iptables-save text, found ${line}`);
  }
  return tables;
}

const withValue = new Set([
  "-s",
  "-d",
  "-i",
  "-o",
  "-p",
  "--dport",
  "--ctstate",
  "--mark",
  "--src-type",
  "--dst-type",
  "--probability",
  "--seconds",
  "--name",
  "--comment",
]);
const alone = new Set(["--set", "--rcheck", "--reap", "--rsource"]);
const ignoredWithValue = new Set(["-m", "--mode", "--mask"]);

function parseRule(words: readonly string[], text: string): ParsedRule {
  const tests: ParsedTest[] = [];
  let not = false;
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? "";
    if (word === "!") {
      not = true;
    } else if (word === "-j") {
      return { text, tests, target: words[at + 1], options: parseOptions(words.slice(at + 2)) };
    } else if (ignoredWithValue.has(word)) {
      at++;
    } else if (withValue.has(word)) {
      tests.push({ option: word, value: words[++at] ?? "", not });
      not = false;
    } else if (alone.has(word)) {
      tests.push({ option: word, value: "", not });
    } else {
      throw new Error(`the walker does not know ${word} in ${text}`);
    }
  }
  return { text, tests, target: undefined, options: {} };
}

function parseOptions(words: readonly string[]): Record<string, string> {
  const options: Record<string, string> = {};
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? "";
    if (word === "--random-fully" || word === "--notrack") options[word] = "";
    else options[word] = words[++at] ?? "";
  }
  return options;
}

/** Words, with quoted ones whole. */
function split(line: string): string[] {
  return [...line.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(
    ([, quoted, plain]) => quoted?.replace(/\\(.)/g, "$1") ?? plain ?? "",
  );
}
