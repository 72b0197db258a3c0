// What the functions of Kubernetes' expression language take and answer: `string.(string) bool` has a receiver, `(string) bool` has none; a single
// capital letter is any type, the same throughout one signature. Functions that are not listed may take and answer anything.
import type { Type } from "./static-types.ts";
import { plain } from "./static-types.ts";

export interface Signature {
  readonly hasReceiver: boolean;
  /** The receiver first. */
  readonly takes: readonly Type[];
  readonly answers: Type;
}

const comparable = ["bool", "int", "uint", "double", "string", "bytes", "timestamp", "duration"];
const numbers = ["int", "uint", "double"];
const mixed = numbers.flatMap((left) =>
  numbers.filter((right) => right !== left).map((right) => `(${left}, ${right}) bool`),
);
const order = [...comparable.map((type) => `(${type}, ${type}) bool`), ...mixed];
const arithmetic = numbers.map((type) => `(${type}, ${type}) ${type}`);
const ordered = ["int", "double", "bool", "string", "bytes", "uint", "duration", "timestamp"];
const equality = ["(A, A) bool"];
const search = ["string.(string) int", "string.(string, int) int", "list<A>.(A) int"];
const comparison = (answer: string): readonly string[] =>
  ["kubernetes.Quantity", "kubernetes.Semver"].map((type) => `${type}.(${type}) ${answer}`);
const timeParts = (names: string, ofDuration: boolean): Record<string, readonly string[]> =>
  Object.fromEntries(
    names
      .split(" ")
      .map((name) => [
        name,
        ["timestamp.() int", "timestamp.(string) int", ...(ofDuration ? ["duration.() int"] : [])],
      ]),
  );

const texts: Readonly<Record<string, readonly string[]>> = {
  "==": equality,
  "!=": equality,
  "<": order,
  "<=": order,
  ">": order,
  ">=": order,
  "+": [
    ...arithmetic,
    "(string, string) string",
    "(bytes, bytes) bytes",
    "(list<A>, list<A>) list<A>",
    "(timestamp, duration) timestamp",
    "(duration, timestamp) timestamp",
    "(duration, duration) duration",
  ],
  "-": [
    ...arithmetic,
    "(timestamp, timestamp) duration",
    "(timestamp, duration) timestamp",
    "(duration, duration) duration",
  ],
  "*": arithmetic,
  "/": arithmetic,
  "%": ["(int, int) int", "(uint, uint) uint"],
  "!_": ["(bool) bool"],
  "-_": ["(int) int", "(double) double"],
  "?:": ["(bool, A, A) A"],
  in: ["(A, list<A>) bool", "(A, map<A, B>) bool"],
  "[]": [
    "(list<A>, int) A",
    "(map<A, B>, A) B",
    "(optional<list<A>>, int) optional<A>",
    "(optional<map<A, B>>, A) optional<B>",
  ],
  "[?]": [
    "(list<A>, int) optional<A>",
    "(map<A, B>, A) optional<B>",
    "(optional<list<A>>, int) optional<A>",
    "(optional<map<A, B>>, A) optional<B>",
  ],
  size: ["string", "bytes", "list<A>", "map<A, B>"].flatMap((type) => [`(${type}) int`, `${type}.() int`]),
  dyn: ["(A) dyn"],
  type: ["(A) type<A>"],
  bool: ["(bool) bool", "(string) bool"],
  bytes: ["(bytes) bytes", "(string) bytes"],
  double: ["(double) double", "(int) double", "(string) double", "(uint) double"],
  int: ["int", "double", "duration", "string", "timestamp", "uint"].map((type) => `(${type}) int`),
  uint: ["uint", "double", "int", "string"].map((type) => `(${type}) uint`),
  string: [...comparable, "net.IP", "net.CIDR"].map((type) => `(${type}) string`),
  timestamp: ["timestamp", "string", "int"].map((type) => `(${type}) timestamp`),
  duration: ["duration", "string"].map((type) => `(${type}) duration`),
  matches: ["string.(string) bool", "(string, string) bool"],
  contains: ["string.(string) bool"],
  startsWith: ["string.(string) bool"],
  endsWith: ["string.(string) bool"],
  ...timeParts("getDate getDayOfMonth getDayOfWeek getDayOfYear getFullYear getMonth", false),
  ...timeParts("getHours getMilliseconds getMinutes getSeconds", true),
  charAt: ["string.(int) string"],
  indexOf: search,
  lastIndexOf: search,
  lowerAscii: ["string.() string"],
  upperAscii: ["string.() string"],
  replace: ["string.(string, string) string", "string.(string, string, int) string"],
  split: ["string.(string) list<string>", "string.(string, int) list<string>"],
  substring: ["string.(int) string", "string.(int, int) string"],
  trim: ["string.() string"],
  find: ["string.(string) string"],
  findAll: ["string.(string) list<string>", "string.(string, int) list<string>"],
  isSorted: ordered.map((type) => `list<${type}>.() bool`),
  sum: ["int", "double", "uint", "duration"].map((type) => `list<${type}>.() ${type}`),
  min: ordered.map((type) => `list<${type}>.() ${type}`),
  max: ordered.map((type) => `list<${type}>.() ${type}`),
  url: ["(string) kubernetes.URL"],
  isURL: ["(string) bool"],
  ...Object.fromEntries(
    "getScheme getHost getHostname getPort getEscapedPath"
      .split(" ")
      .map((name) => [name, ["kubernetes.URL.() string"]]),
  ),
  getQuery: ["kubernetes.URL.() map<string, list<string>>"],
  quantity: ["(string) kubernetes.Quantity"],
  isQuantity: ["(string) bool"],
  isIP: ["(string) bool"],
  isCIDR: ["(string) bool"],
  join: ["list<string>.() string", "list<string>.(string) string"],
  format: ["string.(list<dyn>) string"],
  sign: ["kubernetes.Quantity.() int"],
  isInteger: ["kubernetes.Quantity.() bool"],
  asInteger: ["kubernetes.Quantity.() int"],
  asApproximateFloat: ["kubernetes.Quantity.() double"],
  ...Object.fromEntries(["isGreaterThan", "isLessThan"].map((name) => [name, comparison("bool")])),
  compareTo: comparison("int"),
  ...Object.fromEntries(
    ["add", "sub"].map((name) => [
      name,
      ["kubernetes.Quantity", "int"].map((type) => `kubernetes.Quantity.(${type}) kubernetes.Quantity`),
    ]),
  ),
  semver: ["(string) kubernetes.Semver", "(string, bool) kubernetes.Semver"],
  isSemver: ["(string) bool", "(string, bool) bool"],
  ...Object.fromEntries(["major", "minor", "patch"].map((name) => [name, ["kubernetes.Semver.() int"]])),
  ip: ["(string) net.IP", "net.CIDR.() net.IP"],
  "ip.isCanonical": ["(string) bool"],
  family: ["net.IP.() int"],
  ...Object.fromEntries(
    "isUnspecified isLoopback isLinkLocalMulticast isLinkLocalUnicast isGlobalUnicast"
      .split(" ")
      .map((name) => [name, ["net.IP.() bool"]]),
  ),
  cidr: ["(string) net.CIDR"],
  containsIP: ["net.CIDR.(string) bool", "net.CIDR.(net.IP) bool"],
  containsCIDR: ["net.CIDR.(string) bool", "net.CIDR.(net.CIDR) bool"],
  prefixLength: ["net.CIDR.() int"],
  masked: ["net.CIDR.() net.CIDR"],
  validate: ["kubernetes.NamedFormat.(string) optional<list<string>>"],
  "format.named": ["(string) optional<kubernetes.NamedFormat>"],
  orValue: ["optional<A>.(A) A"],
  or: ["optional<A>.(optional<A>) optional<A>"],
  value: ["optional<A>.() A"],
  hasValue: ["optional<A>.() bool"],
  "sets.contains": ["(list<A>, list<A>) bool"],
  "sets.equivalent": ["(list<A>, list<A>) bool"],
  "sets.intersects": ["(list<A>, list<A>) bool"],
  "strings.quote": ["(string) string"],
  "optional.of": ["(A) optional<A>"],
  "optional.none": ["() optional<A>"],
};

const known = new Map<string, readonly Signature[]>(
  Object.entries(texts).map(([name, signatures]) => [name, signatures.map(read)]),
);

export function signaturesOf(name: string): readonly Signature[] | undefined {
  return known.get(name);
}

function read(signature: string): Signature {
  const open = signature.indexOf("(");
  const close = signature.indexOf(")");
  const receiver = open === 0 ? [] : [readType(signature.slice(0, open - 1))];
  const takes = split(signature.slice(open + 1, close)).map(readType);
  return { hasReceiver: open > 0, takes: [...receiver, ...takes], answers: readType(signature.slice(close + 2)) };
}

function readType(given: string): Type {
  const open = given.indexOf("<");
  if (open < 0) return plain(/^[A-Z]$/.test(given) ? `?${given}` : given);
  const name = given.slice(0, open);
  return { name: name === "optional" ? "optional_type" : name, of: split(given.slice(open + 1, -1)).map(readType) };
}

/** At the commas that stand in no brackets. */
function split(given: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  for (const piece of given.split(", ").filter((part) => part !== "")) {
    if (depth > 0) parts.push(`${parts.pop() ?? ""}, ${piece}`);
    else parts.push(piece);
    depth += piece.split("<").length - piece.split(">").length;
  }
  return parts;
}
