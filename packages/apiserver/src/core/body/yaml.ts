// YAML as kubectl and Kubernetes read it: the scalars of Go's yaml library, which are neither YAML 1.1 nor 1.2. Keys become
// text; later keys win, but are reported (`complaints`). One document; a second one is ignored, as Kubernetes does.
import { exactInteger } from "@coxswain/apimachinery";
import {
  defineScalarTag,
  dump,
  DUMP_SCHEMA,
  FAILSAFE_SCHEMA,
  intYaml11Tag,
  loadAll,
  mergeTag,
  NOT_RESOLVED,
  YAMLException,
} from "js-yaml";

export type ParsedYaml =
  { readonly value: unknown; readonly complaints: readonly string[] } | { readonly error: string };

const nullTag = defineScalarTag("tag:yaml.org,2002:null", {
  implicit: true,
  identify: () => false,
  implicitFirstChars: ["", "~", "n", "N"],
  resolve: (text: string) =>
    text === "" || text === "~" || text === "null" || text === "Null" || text === "NULL" ? null : NOT_RESOLVED,
});

const truths: ReadonlyMap<string, boolean> = new Map(
  (["y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "true", "True", "TRUE"] as const)
    .map((word): [string, boolean] => [word, true])
    .concat(
      (["n", "N", "no", "No", "NO", "off", "Off", "OFF", "false", "False", "FALSE"] as const).map(
        (word): [string, boolean] => [word, false],
      ),
    ),
);
const boolTag = defineScalarTag("tag:yaml.org,2002:bool", {
  implicit: true,
  identify: () => false,
  implicitFirstChars: [..."yYnNoOtTfF"],
  resolve: (text: string) => truths.get(text) ?? NOT_RESOLVED,
});

const least = -(2n ** 63n);
const most = 2n ** 63n - 1n;

const intTag = defineScalarTag<number | bigint>("tag:yaml.org,2002:int", {
  implicit: true,
  identify: () => false,
  implicitFirstChars: [..."+-0123456789"],
  resolve(text: string) {
    const plain = text.replaceAll("_", "");
    const match = /^([+-]?)(0b[01]+|0o[0-7]+|0x[0-9a-fA-F]+|0[0-7]+|0|[1-9][0-9]*|0[0-9]+)$/.exec(plain);
    const digits = match?.[2];
    if (!digits) return NOT_RESOLVED;
    const amount = BigInt(/^0[0-7]+$/.test(digits) ? `0o${digits}` : digits);
    const signed = match?.[1] === "-" ? -amount : amount;
    // As in JSON: what int64 does not hold is a double.
    return signed < least || signed > most ? Number(signed) : exactInteger(signed);
  },
});

const floatTag = defineScalarTag<number>("tag:yaml.org,2002:float", {
  implicit: true,
  identify: () => false,
  implicitFirstChars: [..."+-.0123456789"],
  resolve(text: string) {
    const plain = text.replaceAll("_", "");
    return /^[+-]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/.test(plain) ? Number(plain) : NOT_RESOLVED;
  },
});

const schema = FAILSAFE_SCHEMA.withTags(nullTag, boolTag, intTag, floatTag, mergeTag);

export function parseYaml(text: string): ParsedYaml {
  try {
    return readDocument(text, false);
  } catch (error) {
    if (!(error instanceof YAMLException) || error.reason !== "duplicated mapping key") return failed(error);
  }
  try {
    return readDocument(text, true);
  } catch (error) {
    return failed(error);
  }
}

function readDocument(text: string, hasRepeatedKeys: boolean): ParsedYaml {
  const documents: unknown[] = loadAll(text, { schema, json: hasRepeatedKeys });
  const value = documents[0] ?? null;
  if (text.includes("*") && isSwollen(value, text.length)) return { error: "document contains excessive aliasing" };
  return { value, complaints: hasRepeatedKeys ? repeatedKeys(text) : [] };
}

function failed(error: unknown): ParsedYaml {
  if (!(error instanceof YAMLException)) throw error;
  const line = error.mark?.line;
  return { error: line === undefined ? error.reason : `line ${line + 1}: ${error.reason}` };
}

interface RepeatedKey {
  readonly line: number;
  readonly key: string;
  /** Behind the key in the text. */
  readonly end: number;
}

/** The first key that stands twice in its map; undefined also where there is something worse. */
function repeatedKey(text: string): RepeatedKey | undefined {
  try {
    loadAll(text, { schema });
  } catch (error) {
    if (!(error instanceof YAMLException) || error.reason !== "duplicated mapping key" || !error.mark) return undefined;
    const { position, line } = error.mark;
    const [whole = "", key = ""] = /^["']?([^"':,{}[\]\s]*)/.exec(text.slice(position)) ?? [];
    return { line: line + 1, key, end: position + whole.length };
  }
  return undefined;
}

const mostRepeatedKeys = 20;

/** All of them, in the words of Go's library. What the parser stumbles over is renamed until it stumbles no more. */
function repeatedKeys(text: string): string[] {
  const found: string[] = [];
  let rest = text;
  for (let at = repeatedKey(rest); at && found.length < mostRepeatedKeys; at = repeatedKey(rest)) {
    found.push(`line ${at.line}: key ${JSON.stringify(at.key)} already set in map`);
    rest = `${rest.slice(0, at.end)}~${found.length}${rest.slice(at.end)}`;
  }
  return found;
}

/** An alias stands for what it names: a few lines of them can stand for more than any memory holds. */
function isSwollen(value: unknown, textLength: number): boolean {
  const sizes = new Map<object, number>();
  const sizeOf = (part: unknown): number => {
    if (typeof part !== "object" || part === null) return 1;
    const known = sizes.get(part);
    if (known !== undefined) return known;
    // Inside of itself: without end.
    sizes.set(part, Number.POSITIVE_INFINITY);
    const size = Object.values(part).reduce<number>((sum, inner) => sum + sizeOf(inner), 1);
    sizes.set(part, size);
    return size;
  };
  return sizeOf(value) > Math.max(10_000, textLength);
}

/** The library's own, and integers that numbers do not hold. */
const written = DUMP_SCHEMA.withTags({
  ...intYaml11Tag,
  identify: (value: unknown) => typeof value === "bigint" || intYaml11Tag.identify?.(value) === true,
  represent: (value: unknown) => String(value),
});

/** For `Accept: application/yaml`. */
export function renderYaml(value: unknown): string {
  return dump(value, {
    noRefs: true,
    lineWidth: -1,
    sortKeys: true,
    seqNoIndent: true,
    quoteStyle: "double",
    schema: written,
  });
}
