// `Object{spec: Object.spec{replicas: 3}}` and `JSONPatch{op: "test", path: "/a"}`, by which mutations say what they make, as the maps that they are:
// the library has no messages. Names of types say where they stand in the object and nothing more; whether they do is checked.

import { unescapedName } from "./member-names.ts";

/**
 * Entries that may be absent (`?field: …`, `[?item]`) lose their mark: what is made is put into JSON, where an absent optional is left out.
 * Throws an Error for a type whose name is not that of its place.
 */
export function messagesAsMaps(expression: string): string {
  const open: (Brace | "other")[] = [];
  let result = "";
  let at = 0;
  while (at < expression.length) {
    const rest = expression.slice(at);
    const skipped = /^(?:[rRbB]{0,2}("""|'''|"|')|\/\/[^\n]*)/.exec(rest);
    if (skipped) {
      const end = skipped[1] === undefined ? at + skipped[0].length : endOfText(expression, at, skipped[0], skipped[1]);
      result += expression.slice(at, end);
      at = end;
      continue;
    }
    const inside = open.at(-1);
    const message = /^(Object(?:\.[A-Za-z_]\w*)*|JSONPatch)\s*\{/.exec(rest);
    if (message && !/[\w.]$/.test(result)) {
      const type = message[1] ?? "";
      mustStandAt(type, open);
      open.push({ type, field: "" });
      result += "{";
      at += message[0].length;
      continue;
    }
    const field = typeof inside === "object" ? /^\s*(\??)([A-Za-z_]\w*)(\s*:)/.exec(rest) : null;
    if (field && typeof inside === "object" && /[{,]\s*$/.test(result)) {
      const [all, , name = "", colon = ""] = field;
      inside.field = name;
      result += `"${unescapedName(name)}"${colon}`;
      at += all.length;
      continue;
    }
    if (rest.startsWith("?") && /(?:[{,]|(?:^|[^\w)\]}'"\s])\s*\[)\s*$/.test(result)) {
      at += 1;
      continue;
    }
    const word = /^[A-Za-z_]\w*/.exec(rest)?.[0];
    const sign = word ?? rest.charAt(0);
    if ("{[(".includes(sign)) open.push("other");
    else if ("}])".includes(sign)) open.pop();
    result += sign;
    at += sign.length;
  }
  return result;
}

interface Brace {
  readonly type: string;
  /** Whose value is being read. */
  field: string;
}

function mustStandAt(type: string, open: readonly (Brace | "other")[]): void {
  if (type === "JSONPatch" || type === "Object") return;
  const around = open.findLast((brace) => typeof brace === "object");
  if (typeof around !== "object" || around.type === "JSONPatch") return;
  const wanted = `${around.type}.${around.field}`;
  if (type !== wanted)
    throw new Error(
      `type mismatch: unexpected type name ${JSON.stringify(type)}, expected ${JSON.stringify(wanted)}, which matches field name path from root Object type`,
    );
}

function endOfText(expression: string, at: number, opening: string, quote: string): number {
  const isRaw = /[rR]/.test(opening);
  let from = at + opening.length;
  while (from < expression.length) {
    if (!isRaw && expression.charAt(from) === "\\") from += 2;
    else if (expression.startsWith(quote, from)) return from + quote.length;
    else from += 1;
  }
  return expression.length;
}
