/** The grammar of label selectors' text (k8s.io/apimachinery/pkg/labels): tokens and requirements. Names are checked elsewhere. */
export interface LabelRequirement {
  readonly key: string;
  readonly operator: "=" | "==" | "!=" | "in" | "notin" | "exists" | "!" | "gt" | "lt";
  readonly values: readonly string[];
}

/** A selector that cannot be read. */
export class SelectorError extends Error {
  override readonly name = "SelectorError";
}

interface Token {
  readonly kind: "identifier" | "end" | "(" | ")" | "," | "!" | "!=" | "=" | "==" | "<" | ">" | "in" | "notin";
  readonly text: string;
}

const expectedOperator = "in, notin, =, ==, !=, gt, lt";
const tokenPattern = /\s*(?:(!=|==|[=!(),<>])|([^\s=!(),<>]+)|$)/y;

export function parseLabelRequirements(text: string): LabelRequirement[] {
  const tokens = tokenize(text);
  let at = 0;
  const end: Token = { kind: "end", text: "" };
  const peek = (): Token => tokens[at] ?? end;
  const next = (): Token => tokens[at++] ?? end;
  // After an operator, "in" and "notin" are plain words.
  const isWord = (token: Token): boolean =>
    token.kind === "identifier" || token.kind === "in" || token.kind === "notin";

  function requirement(): LabelRequirement {
    const absent = peek().kind === "!";
    if (absent) at += 1;
    const key = next();
    if (!isWord(key)) throw new SelectorError(`found '${key.text}', expected: identifier`);
    if (absent) return { key: key.text, operator: "!", values: [] };
    if (peek().kind === "end" || peek().kind === ",") return { key: key.text, operator: "exists", values: [] };
    const operator = next();
    switch (operator.kind) {
      case "in":
      case "notin":
        return { key: key.text, operator: operator.kind, values: valueList() };
      case "=":
      case "==":
      case "!=":
        return { key: key.text, operator: operator.kind, values: [exactValue()] };
      case ">":
      case "<":
        return { key: key.text, operator: operator.kind === ">" ? "gt" : "lt", values: [exactValue()] };
      default:
        throw new SelectorError(`found '${operator.text}', expected: ${expectedOperator}`);
    }
  }

  function exactValue(): string {
    if (peek().kind === "end" || peek().kind === ",") return "";
    const value = next();
    if (!isWord(value)) throw new SelectorError(`found '${value.text}', expected: identifier`);
    return value.text;
  }

  function valueList(): string[] {
    const open = next();
    if (open.kind !== "(") throw new SelectorError(`found '${open.text}' expected: '('`);
    const values = new Set<string>();
    for (;;) {
      const token = next();
      if (isWord(token)) {
        values.add(token.text);
        const after = next();
        if (after.kind === ")") break;
        if (after.kind !== ",") throw new SelectorError(`found '${after.text}', expected: ',' or ')'`);
        if (peek().kind === ")") values.add("");
      } else if (token.kind === ",") values.add("");
      else if (token.kind === ")") {
        if (values.size === 0) values.add("");
        break;
      } else throw new SelectorError(`found '${token.text}', expected: ',', ')' or identifier`);
    }
    return [...values].sort();
  }

  const requirements: LabelRequirement[] = [];
  while (peek().kind !== "end") {
    const first = peek();
    if (!isWord(first) && first.kind !== "!") {
      throw new SelectorError(`found '${first.text}', expected: !, identifier, or 'end of string'`);
    }
    try {
      requirements.push(requirement());
    } catch (cause) {
      if (cause instanceof SelectorError)
        throw new SelectorError(`unable to parse requirement: ${cause.message}`, { cause });
      throw cause;
    }
    const after = next();
    if (after.kind === "end") break;
    if (after.kind !== ",") throw new SelectorError(`found '${after.text}', expected: ',' or 'end of string'`);
    const following = peek();
    if (!isWord(following) && following.kind !== "!")
      throw new SelectorError(`found '${following.text}', expected: identifier after ','`);
  }
  return requirements.sort((left, right) => (left.key < right.key ? -1 : left.key > right.key ? 1 : 0));
}

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  tokenPattern.lastIndex = 0;
  while (tokenPattern.lastIndex < text.length) {
    const match = tokenPattern.exec(text);
    if (match === null || match[0] === "") break;
    const [, symbol, word] = match;
    if (symbol !== undefined) tokens.push({ kind: symbol as Token["kind"], text: symbol });
    else if (word !== undefined)
      tokens.push({ kind: word === "in" || word === "notin" ? word : "identifier", text: word });
  }
  return tokens;
}
