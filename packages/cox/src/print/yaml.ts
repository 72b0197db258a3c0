// YAML as Go's library writes it, so that what cox prints can be compared with what kubectl prints, byte for byte: keys in order, lists
// not indented, double quotes where a text would read as something else, blocks for texts of several lines.
import { sortKeys } from "./json.ts";

export function formatYaml(value: unknown): string {
  return block(sortKeys(value), 0, false);
}

/** A value that stands on lines of its own. */
function block(value: unknown, indent: number, inList: boolean): string {
  const pad = " ".repeat(indent);
  if (Array.isArray(value)) {
    if (value.length === 0) return `${pad}[]\n`;
    return value.map((item) => `${pad}- ${nested(item, indent + 2)}`).join("");
  }
  if (isMapping(value)) {
    const entries = Object.entries(value);
    if (entries.length === 0) return `${pad}{}\n`;
    return entries
      .map(
        ([key, inner], index) =>
          `${inList && index === 0 ? "" : pad}${keyText(key)}:${member(inner, indent, indent + keyText(key).length + 2)}`,
      )
      .join("");
  }
  return `${pad}${scalar(value, indent, indent)}\n`;
}

/** Keys are never folded. */
const keyText = (key: string): string => text(key, 0, Number.NEGATIVE_INFINITY);

function member(value: unknown, indent: number, column: number): string {
  if (Array.isArray(value)) return value.length === 0 ? " []\n" : `\n${block(value, indent, false)}`;
  if (isMapping(value)) return Object.keys(value).length === 0 ? " {}\n" : `\n${block(value, indent + 2, false)}`;
  return ` ${scalar(value, indent + 2, column)}\n`;
}

/** A value behind "- ". */
function nested(value: unknown, indent: number): string {
  if (isMapping(value) && Object.keys(value).length > 0) return block(value, indent, true);
  if (Array.isArray(value) && value.length > 0) return block(value, indent, false).slice(indent);
  return `${inline(value, indent)}\n`;
}

function inline(value: unknown, indent: number): string {
  if (Array.isArray(value)) return "[]";
  return isMapping(value) ? "{}" : scalar(value, indent, indent);
}

function scalar(value: unknown, indent: number, column: number): string {
  if (value === null || value === undefined) return "null";
  if (typeof value === "string") return text(value, indent, column);
  if (typeof value === "number") return number(value);
  return typeof value === "boolean" ? String(value) : JSON.stringify(value);
}

function number(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e21) return String(value);
  return String(value).replace(/e([+-])(\d)$/, "e$10$2");
}

const otherMeaning =
  /^(~|null|Null|NULL|y|Y|yes|Yes|YES|on|On|ON|n|N|no|No|NO|off|Off|OFF|true|True|TRUE|false|False|FALSE|[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)|<<|[-+]?0b[01_]+|[-+]?0o?[0-7_]+|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*|[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?|\d{4}-\d\d?-\d\d?([Tt ].*)?)$/;

function text(value: string, indent: number, column: number): string {
  if (value === "") return '""';
  if (otherMeaning.test(value)) return doubleQuoted(value);
  if (value.includes("\n")) return canBeBlock(value) ? literal(value, indent) : doubleQuoted(value);
  if (!isPrintable(value)) return doubleQuoted(value);
  if (isPlain(value)) return fold(value, column, indent);
  return fold(`'${value.replaceAll("'", "''")}'`, column, indent);
}

function isPlain(value: string): boolean {
  if (/^[\s]|[\s]$/.test(value)) return false;
  if (/^[,[\]{}#&*!|>'"%@`]/.test(value)) return false;
  if (/^[-?:](\s|$)/.test(value)) return false;
  if (/^(---|\.\.\.)/.test(value)) return false;
  if (/:(\s|$)/.test(value) || /\s#/.test(value)) return false;
  return true;
}

const isPrintable = (value: string): boolean =>
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  !/[\u0000-\u0008\u000b-\u001f\u007f-\u0084\u0086-\u009f\ufeff\ud800-\udfff\u2028\u2029\t]/.test(
    value.replace(/[\ud800-\udbff][\udc00-\udfff]/g, ""),
  );

const bestWidth = 80;

/** Breaks at the first single blank behind the eightieth column, as Go's library does. */
function fold(written: string, column: number, indent: number): string {
  let folded = "";
  let at = column;
  for (let index = 0; index < written.length; index += 1) {
    const sign = written[index] ?? "";
    const alone = sign === " " && written[index - 1] !== " " && written[index + 1] !== " ";
    if (alone && at > bestWidth && index > 1 && index < written.length - 2) {
      folded += `\n${" ".repeat(indent)}`;
      at = indent;
    } else {
      folded += sign;
      at += 1;
    }
  }
  return folded;
}

/** Go's library writes a block unless a line ends in blanks before its end, or something cannot be printed. */
function canBeBlock(value: string): boolean {
  return (
    isPrintable(value.replaceAll("\n", "").replaceAll("\t", "")) && !/ (\n|$)/.test(value) && !/^\s*\n?$/.test(value)
  );
}

function literal(value: string, indent: number): string {
  const pad = " ".repeat(indent);
  const hint = /^[ \n]/.test(value) ? "2" : "";
  const end = !value.endsWith("\n") ? "-" : value.endsWith("\n\n") || value === "\n" ? "+" : "";
  const lines = (value.endsWith("\n") ? value.slice(0, -1) : value).split("\n");
  return `|${hint}${end}\n${lines.map((line) => (line === "" ? "" : `${pad}${line}`)).join("\n")}`;
}

function doubleQuoted(value: string): string {
  return `"${[...value].map(escape).join("")}"`;
}

const named: Readonly<Record<string, string>> = {
  "\0": "\\0",
  "\x07": "\\a",
  "\b": "\\b",
  "\t": "\\t",
  "\n": "\\n",
  "\v": "\\v",
  "\f": "\\f",
  "\r": "\\r",
  "\x1b": "\\e",
  '"': '\\"',
  "\\": "\\\\",
  "\x85": "\\N",
  "\u2028": "\\L",
  "\u2029": "\\P",
};

function escape(sign: string): string {
  const known = named[sign];
  if (known !== undefined) return known;
  const code = sign.codePointAt(0) ?? 0;
  if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return `\\x${code.toString(16).toUpperCase().padStart(2, "0")}`;
  if (code === 0xfeff || (code >= 0xd800 && code < 0xe000)) return `\\u${code.toString(16).toUpperCase()}`;
  return sign;
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
