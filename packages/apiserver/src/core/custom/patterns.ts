// Regular expressions as Go writes them, for ours: `pattern` of schemas, and `matches` in expressions. What Go does not have is refused, for it could
// take for ever. Flags in front, names of groups, ends of text and the classes of POSIX are put into our words.

/** Asks whether a text matches anywhere. Throws a SyntaxError for what is no expression in Go. */
export type Pattern = (text: string) => boolean;

const patterns = new Map<string, Pattern>();
const mostPatterns = 5000;

export function goPattern(source: string): Pattern {
  let known = patterns.get(source);
  if (!known) {
    if (patterns.size >= mostPatterns) patterns.clear();
    patterns.set(source, (known = compiled(source)));
  }
  return known;
}

/** The expression as ours, to find all that match. */
export function goRegExp(source: string): RegExp {
  const { body, flags } = translated(source);
  return unicodeOr(body, `${flags}g`, undefined);
}

function compiled(source: string): Pattern {
  const { body, flags } = translated(source);
  // Without "u" there is an engine whose time grows with the text only; with it, a sign outside of the first plane counts as one.
  const plain = /\\(?:[pP]|u\{)/.test(body) ? undefined : new RegExp(body, flags);
  let whole: RegExp | undefined;
  return (text) => {
    if (plain && !/[\ud800-\udfff]/.test(text)) return plain.test(text);
    whole ??= unicodeOr(body, flags, plain);
    return whole.test(text);
  };
}

/** Some escapes of Go's are errors under "u". */
function unicodeOr(body: string, flags: string, plain: RegExp | undefined): RegExp {
  try {
    return new RegExp(body, `${flags}u`);
  } catch (error) {
    if (plain) return plain;
    if (/\\[pP]/.test(body)) throw error;
    return new RegExp(body, flags);
  }
}

const classes: Readonly<Record<string, string>> = {
  alnum: "0-9A-Za-z",
  alpha: "A-Za-z",
  ascii: "\\x00-\\x7F",
  blank: "\\t ",
  cntrl: "\\x00-\\x1F\\x7F",
  digit: "0-9",
  graph: "!-~",
  lower: "a-z",
  print: " -~",
  punct: "!-\\/:-@\\[-`{-~",
  space: "\\s",
  upper: "A-Z",
  word: "0-9A-Za-z_",
  xdigit: "0-9A-Fa-f",
};

function translated(source: string): { readonly body: string; readonly flags: string } {
  const front = /^\(\?([ims]+)\)/.exec(source);
  const rest = front ? source.slice(front[0].length) : source;
  // Escapes first, so that "\\(?=" is a sign and no group.
  const body = rest.replace(
    /\\[pP]\{[A-Z][A-Za-z_]{2,}\}|\\x\{[0-9A-Fa-f]+\}|\\.|\(\?P<|\(\?(?:<?[=!])|\[:(\^?)([a-z]+):\]/gs,
    (found, not: string, name: string) => {
      if (/^\\[pP]\{/.test(found)) return `${found.slice(0, 3)}Script=${found.slice(3)}`;
      if (found.startsWith("\\x{")) return `\\u${found.slice(2)}`;
      if (found === "\\A") return "^";
      if (found === "\\z") return "$";
      if (/^\\[1-9]$/.test(found)) throw new SyntaxError(`invalid escape sequence: \`${found}\``);
      if (found === "(?P<") return "(?<";
      if (found.startsWith("(?")) throw new SyntaxError(`invalid or unsupported Perl syntax: \`${found}\``);
      const members = name === undefined || not === "^" ? undefined : classes[name];
      return members ?? found;
    },
  );
  return { body, flags: front?.[1] ?? "" };
}
