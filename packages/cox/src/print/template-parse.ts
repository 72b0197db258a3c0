// Go's text/template, read: actions, pipelines, range, if, with, define, variables. The subset people use with kubectl is the language
// without methods, channels and `block`. Running it is template-run.ts.

export type Expression =
  | { readonly type: "literal"; readonly value: unknown }
  | { readonly type: "dot" }
  | { readonly type: "field"; readonly of: Expression; readonly names: readonly string[] }
  | { readonly type: "variable"; readonly name: string }
  | { readonly type: "function"; readonly name: string }
  | { readonly type: "pipeline"; readonly pipeline: Pipeline };

export interface Pipeline {
  readonly declares: readonly string[];
  readonly assigns: boolean;
  readonly commands: readonly (readonly Expression[])[];
}

export type TemplateNode =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "action"; readonly pipeline: Pipeline }
  | {
      readonly type: "if" | "range" | "with";
      readonly pipeline: Pipeline;
      readonly body: readonly TemplateNode[];
      readonly otherwise: readonly TemplateNode[];
    }
  | { readonly type: "template"; readonly name: string; readonly pipeline: Pipeline | undefined }
  | { readonly type: "break" | "continue" };

export interface Template {
  readonly body: readonly TemplateNode[];
  readonly named: ReadonlyMap<string, readonly TemplateNode[]>;
}

export class TemplateError extends Error {
  override readonly name = "TemplateError";
}

type Piece = { readonly text: string } | { readonly action: string; readonly line: number };

export function parseTemplate(source: string): Template {
  const pieces = split(source);
  const named = new Map<string, readonly TemplateNode[]>();
  let at = 0;
  const body = list(true).nodes;
  return { body, named };

  function list(top: boolean): { readonly nodes: TemplateNode[]; readonly end: string } {
    const nodes: TemplateNode[] = [];
    while (at < pieces.length) {
      const piece = pieces[at++];
      if (piece === undefined) break;
      if ("text" in piece) {
        if (piece.text !== "") nodes.push({ type: "text", text: piece.text });
        continue;
      }
      const { action } = piece;
      const [, word = "", rest = ""] = /^(\w+)\b\s*([\s\S]*)$/.exec(action) ?? [];
      if (action === "" || action.startsWith("/*")) continue;
      if (word === "end" || word === "else") {
        if (top) throw new TemplateError(`template: output:${piece.line}: unexpected {{${word}}}`);
        return { nodes, end: action };
      }
      if (word === "if" || word === "range" || word === "with") nodes.push(control(word, rest));
      else if (word === "break" || word === "continue") nodes.push({ type: word });
      else if (word === "define") {
        const { nodes: inner } = list(false);
        named.set(JSON.parse(rest.trim()) as string, inner);
      } else if (word === "template") {
        const [, name = '""', argument = ""] = /^("(?:[^"\\]|\\.)*")\s*([\s\S]*)$/.exec(rest) ?? [];
        nodes.push({
          type: "template",
          name: JSON.parse(name) as string,
          pipeline: argument === "" ? undefined : parsePipeline(argument),
        });
      } else nodes.push({ type: "action", pipeline: parsePipeline(action) });
    }
    if (!top) throw new TemplateError(`template: output:${source.split("\n").length}: unexpected EOF`);
    return { nodes, end: "" };
  }

  function control(type: "if" | "range" | "with", source: string): TemplateNode {
    const pipeline = parsePipeline(source);
    const { nodes: body, end } = list(false);
    if (!end.startsWith("else")) return { type, pipeline, body, otherwise: [] };
    const chained = /^else\s+(if|with)\s+([\s\S]*)$/.exec(end);
    if (chained) return { type, pipeline, body, otherwise: [control(chained[1] as "if" | "with", chained[2] ?? "")] };
    return { type, pipeline, body, otherwise: list(false).nodes };
  }
}

/** Texts and actions; "{{- " and " -}}" take the blanks beside them. */
function split(source: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  let trimNext = false;
  let line = 1;
  while (at <= source.length) {
    const open = source.indexOf("{{", at);
    let text = open < 0 ? source.slice(at) : source.slice(at, open);
    line += text.split("\n").length - 1;
    if (trimNext) text = text.trimStart();
    if (open < 0) {
      pieces.push({ text });
      break;
    }
    const close = actionEnd(source, open + 2, line);
    let action = source.slice(open + 2, close);
    if (/^-\s/.test(action)) {
      text = text.trimEnd();
      action = action.slice(1);
    }
    trimNext = /\s-$/.test(action);
    if (trimNext) action = action.slice(0, -1);
    pieces.push({ text }, { action: action.trim(), line });
    at = close + 2;
  }
  return pieces;
}

function actionEnd(source: string, from: number, line: number): number {
  let quote = "";
  for (let at = from; at < source.length; at += 1) {
    const letter = source[at] ?? "";
    if (quote !== "") {
      if (letter === "\\" && quote !== "`") at += 1;
      else if (letter === quote) quote = "";
    } else if (letter === '"' || letter === "`" || letter === "'") quote = letter;
    else if (letter === "}" && source[at + 1] === "}") return at;
  }
  throw new TemplateError(`template: output:${line}: unclosed action`);
}

const tokenPattern =
  /\s*(?:("(?:[^"\\]|\\.)*")|(`[^`]*`)|('(?:[^'\\]|\\.)')|([-+]?\d[\w.]*)|(\$\w*)|(:=|=|\||\(|\)|,)|((?:\.\w+)+)|(\.)|(\w+))/y;

interface Token {
  readonly kind: "string" | "number" | "variable" | "sign" | "field" | "dot" | "word";
  readonly text: string;
  /** Whether blanks stood before it: "(x).y" is a field, "(x) .y" are two things. */
  readonly spaced: boolean;
}

function tokens(source: string): Token[] {
  const found: Token[] = [];
  let at = 0;
  const whole = source.trimEnd();
  while (at < whole.length) {
    tokenPattern.lastIndex = at;
    const match = tokenPattern.exec(whole);
    if (!match) throw new TemplateError(`template: output:1: unexpected ${JSON.stringify(whole[at])} in operand`);
    const [all, double, raw, char, number, variable, sign, field, dot, word] = match;
    const spaced = /^\s/.test(all) || at === 0;
    at += all.length;
    if (double !== undefined) found.push({ kind: "string", text: unquoteGo(double), spaced });
    else if (raw !== undefined) found.push({ kind: "string", text: raw.slice(1, -1), spaced });
    else if (char !== undefined) found.push({ kind: "number", text: String(char.codePointAt(1)), spaced });
    else if (number !== undefined) found.push({ kind: "number", text: number, spaced });
    else if (variable !== undefined) found.push({ kind: "variable", text: variable, spaced });
    else if (sign !== undefined) found.push({ kind: "sign", text: sign, spaced });
    else if (field !== undefined) found.push({ kind: "field", text: field, spaced });
    else if (dot !== undefined) found.push({ kind: "dot", text: dot, spaced });
    else found.push({ kind: "word", text: word ?? "", spaced });
  }
  return found;
}

function unquoteGo(text: string): string {
  return text
    .slice(1, -1)
    .replace(/\\(n|t|r|a|b|f|v|\\|"|'|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4})/g, (_whole, sign: string) => {
      if (/^[xu]/.test(sign) && sign.length > 1) return String.fromCharCode(parseInt(sign.slice(1), 16));
      return { n: "\n", t: "\t", r: "\r", a: "\x07", b: "\b", f: "\f", v: "\v" }[sign] ?? sign;
    });
}

function parsePipeline(source: string): Pipeline {
  const all = tokens(source);
  let at = 0;
  const pipeline = read();
  if (at < all.length)
    throw new TemplateError(`template: output:1: unexpected ${JSON.stringify(all[at]?.text)} in command`);
  return pipeline;

  function read(): Pipeline {
    const declares: string[] = [];
    let assigns = false;
    const isSign = (index: number, text: string): boolean => all[index]?.kind === "sign" && all[index]?.text === text;
    if (all[at]?.kind === "variable") {
      const two = isSign(at + 1, ",") && all[at + 2]?.kind === "variable";
      const sign = two ? at + 3 : at + 1;
      if (isSign(sign, ":=") || isSign(sign, "=")) {
        declares.push(all[at]?.text ?? "", ...(two ? [all[at + 2]?.text ?? ""] : []));
        assigns = isSign(sign, "=");
        at = sign + 1;
      }
    }
    const commands: Expression[][] = [[]];
    while (at < all.length && !isSign(at, ")")) {
      if (isSign(at, "|")) {
        commands.push([]);
        at += 1;
      } else commands.at(-1)?.push(operand());
    }
    if (commands.some((command) => command.length === 0))
      throw new TemplateError("template: output:1: missing value for command");
    return { declares, assigns, commands };
  }

  function operand(): Expression {
    const token = all[at++];
    let value: Expression;
    if (token === undefined) throw new TemplateError("template: output:1: missing value");
    switch (token.kind) {
      case "string":
        value = { type: "literal", value: token.text };
        break;
      case "number":
        value = { type: "literal", value: Number(token.text) };
        break;
      case "variable":
        value = { type: "variable", name: token.text };
        break;
      case "dot":
        value = { type: "dot" };
        break;
      case "field":
        value = { type: "field", of: { type: "dot" }, names: token.text.slice(1).split(".") };
        break;
      case "word":
        if (token.text === "true" || token.text === "false") value = { type: "literal", value: token.text === "true" };
        else if (token.text === "nil") value = { type: "literal", value: null };
        else value = { type: "function", name: token.text };
        break;
      case "sign": {
        if (token.text !== "(")
          throw new TemplateError(`template: output:1: unexpected ${JSON.stringify(token.text)} in operand`);
        value = { type: "pipeline", pipeline: read() };
        at += 1;
        break;
      }
    }
    for (let next = all[at]; next?.kind === "field" && !next.spaced; next = all[at]) {
      value = { type: "field", of: value, names: next.text.slice(1).split(".") };
      at += 1;
    }
    return value;
  }
}
