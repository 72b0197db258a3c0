/** Says what is wrong with text that is not JSON in the words of Go's reader, which clients of Kubernetes know. */

/** The words for the first fault; undefined when the text is JSON. Positions are not told, as Go's message tells none. */
export function jsonSyntaxError(text: string): string | undefined {
  const bytes = new TextEncoder().encode(text);
  const nesting: ("object" | "array")[] = [];
  let at = 0;
  let expecting: Expecting = "value";
  for (;;) {
    while (isSpace(bytes[at])) at += 1;
    const byte = bytes[at];
    if (byte === undefined) return expecting === "end" ? undefined : endOfInput;
    const char = String.fromCharCode(byte);
    if (expecting === "value" || expecting === "value or ]") {
      if (char === "]" && expecting === "value or ]") {
        at += 1;
        expecting = afterClosing(nesting);
      } else if (char === "{" || char === "[") {
        nesting.push(char === "{" ? "object" : "array");
        at += 1;
        expecting = char === "{" ? "key or }" : "value or ]";
      } else {
        const read = readScalar(bytes, at, char);
        if (typeof read === "string") return read;
        at = read;
        expecting = afterValue(nesting);
      }
    } else if (expecting === "key" || expecting === "key or }") {
      if (char === "}" && expecting === "key or }") {
        at += 1;
        expecting = afterClosing(nesting);
      } else if (char === '"') {
        const read = readString(bytes, at + 1);
        if (typeof read === "string") return read;
        at = read;
        expecting = ":";
      } else return invalid(byte, "looking for beginning of object key string");
    } else if (expecting === ":") {
      if (char !== ":") return invalid(byte, "after object key");
      at += 1;
      expecting = "value";
    } else if (expecting === "end") return invalid(byte, "after top-level value");
    else {
      const isObject: boolean = expecting === ", or }";
      at += 1;
      if (char === ",") expecting = isObject ? "key" : "value";
      else if (char === (isObject ? "}" : "]")) expecting = afterClosing(nesting);
      else return invalid(byte, isObject ? "after object key:value pair" : "after array element");
    }
  }
}

type Expecting = "value" | "value or ]" | "key" | "key or }" | ":" | ", or }" | ", or ]" | "end";

const endOfInput = "unexpected end of JSON input";

function afterClosing(nesting: ("object" | "array")[]): Expecting {
  nesting.pop();
  return afterValue(nesting);
}

function afterValue(nesting: readonly ("object" | "array")[]): Expecting {
  const inside = nesting.at(-1);
  return inside === undefined ? "end" : inside === "object" ? ", or }" : ", or ]";
}

/** Where the scalar ends, or what is wrong with it. */
function readScalar(bytes: Uint8Array, at: number, char: string): number | string {
  if (char === '"') return readString(bytes, at + 1);
  if (char === "-" || isDigit(bytes[at])) return readNumber(bytes, at);
  const word = { t: "true", f: "false", n: "null" }[char];
  if (word === undefined) return invalid(bytes[at] ?? 0, "looking for beginning of value");
  for (let index = 1; index < word.length; index += 1) {
    const byte = bytes[at + index];
    if (byte === undefined) return endOfInput;
    if (byte !== word.charCodeAt(index)) return invalid(byte, `in literal ${word} (expecting '${word.charAt(index)}')`);
  }
  return at + word.length;
}

function readString(bytes: Uint8Array, start: number): number | string {
  for (let at = start; ; at += 1) {
    const byte = bytes[at];
    if (byte === undefined) return endOfInput;
    if (byte === 0x22) return at + 1;
    if (byte < 0x20) return invalid(byte, "in string literal");
    if (byte !== 0x5c) continue;
    at += 1;
    const escaped = bytes[at];
    if (escaped === undefined) return endOfInput;
    const char = String.fromCharCode(escaped);
    if (char === "u") {
      for (const end = at + 4; at < end;) {
        at += 1;
        const digit = bytes[at];
        if (digit === undefined) return endOfInput;
        if (!/[0-9a-fA-F]/.test(String.fromCharCode(digit)))
          return invalid(digit, "in \\u hexadecimal character escape");
      }
    } else if (!'bfnrt\\/"'.includes(char)) return invalid(escaped, "in string escape code");
  }
}

function readNumber(bytes: Uint8Array, start: number): number | string {
  let at = start;
  const digits = (context: string): string | undefined => {
    const byte = bytes[at];
    if (byte === undefined) return endOfInput;
    if (!isDigit(byte)) return invalid(byte, context);
    while (isDigit(bytes[at])) at += 1;
    return undefined;
  };
  if (bytes[at] === 0x2d) at += 1;
  if (bytes[at] === 0x30) at += 1;
  else {
    const fault = digits("in numeric literal");
    if (fault !== undefined) return fault;
  }
  if (bytes[at] === 0x2e) {
    at += 1;
    const fault = digits("after decimal point in numeric literal");
    if (fault !== undefined) return fault;
  }
  if (bytes[at] === 0x65 || bytes[at] === 0x45) {
    at += 1;
    if (bytes[at] === 0x2b || bytes[at] === 0x2d) at += 1;
    const fault = digits("in exponent of numeric literal");
    if (fault !== undefined) return fault;
  }
  return at;
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

/** Go names the byte, even in the midst of a character of several. */
function invalid(byte: number, context: string): string {
  return `invalid character ${quoted(byte)} ${context}`;
}

const escapes: Readonly<Record<number, string>> = {
  7: "\\a",
  8: "\\b",
  9: "\\t",
  10: "\\n",
  11: "\\v",
  12: "\\f",
  13: "\\r",
  39: "\\'",
  92: "\\\\",
};

function quoted(byte: number): string {
  const escape = escapes[byte];
  if (escape !== undefined) return `'${escape}'`;
  if (byte < 0x20 || byte === 0x7f) return `'\\x${byte.toString(16).padStart(2, "0")}'`;
  if ((byte >= 0x80 && byte <= 0xa0) || byte === 0xad) return `'\\u00${byte.toString(16)}'`;
  return `'${String.fromCharCode(byte)}'`;
}
