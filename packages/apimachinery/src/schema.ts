/**
 * The schema of a type: what its JSON may hold, what may be absent, how lists and maps merge, its protobuf numbers. One schema drives decoding,
 * patches, apply and OpenAPI. Here is the model and the reader of its text notation; no kind is known. Text, a line per field:
 *
 *     type PodSpec
 *     containers 2 []Container list=map:name patch=merge:name
 *     restartPolicy? 3 RestartPolicy
 *     replicas? 1 *int32
 *     =VolumeSource 2 VolumeSource
 *
 *     alias Verbs []string message
 *
 * `?` may be absent, `*` is a pointer (its zero value is kept), `=` is embedded, `keep` and `omit` say when emptiness in JSON does not follow
 * from `?`; `message` is a list that is a message of its own in protobuf. Types are parsed when they are first asked for, so that a schema nobody uses costs its text only.
 */
export type ScalarName =
  | "string"
  | "bool"
  | "int32"
  | "int64"
  | "double"
  | "bytes"
  | "time"
  | "microtime"
  | "duration"
  | "quantity"
  | "intOrString";

export interface ScalarSchema {
  readonly type: "scalar";
  readonly scalar: ScalarName;
  /** The only values allowed, where Kubernetes' documents list them. Decoding accepts others; validation does not. */
  readonly values?: readonly string[];
  readonly name?: string;
}

export interface AnySchema {
  readonly type: "any";
}

export interface ListSchema {
  readonly type: "list";
  readonly items: Schema;
  /** In protobuf a message of its own with one field, wherever it stands: a named type of Go's. */
  readonly isMessage?: true;
}

export interface MapSchema {
  readonly type: "map";
  readonly values: Schema;
  /** Of which type a value is only it tells itself: where it is a map, this is how its members are owned. */
  readonly deduced?: true;
}

/** Either a struct or a boolean, a list of it, or a list of texts: the shapes of apiextensions' schemas. */
export interface EitherSchema {
  readonly type: "either";
  readonly struct: StructSchema;
  readonly or: "bool" | "list" | "strings";
}

export interface StructSchema {
  readonly type: "struct";
  /** Such as "core/v1.Pod". */
  readonly name: string;
  /** Carries apiVersion and kind. */
  readonly isKind: boolean;
  /** Owned and replaced as one. */
  readonly atomic: boolean;
  /** By JSON name, embedded ones flattened, in the order in which Kubernetes writes them. */
  readonly fields: ReadonlyMap<string, FieldSchema>;
  /** What members are that it does not name; left out: there are none. */
  readonly others?: Schema;
}

export type Schema = ScalarSchema | AnySchema | ListSchema | MapSchema | EitherSchema | StructSchema;

export interface FieldSchema {
  readonly name: string;
  readonly schema: Schema;
  readonly required: boolean;
  /** Left out of JSON when empty. */
  readonly omitEmpty: boolean;
  readonly pointer: boolean;
  readonly number: number;
  /** The protobuf field numbers of the embedded messages around this field, outermost first. */
  readonly embeddedIn: readonly number[];
  readonly listType?: "atomic" | "set" | "map";
  readonly listKeys?: readonly string[];
  readonly atomic?: boolean;
  readonly patchStrategies: readonly string[];
  readonly patchMergeKey?: string;
  readonly fallback?: unknown;
}

export interface SchemaText {
  /** Such as "core/v1": the prefix of the names. */
  readonly folder: string;
  readonly text: string;
}

/** All schemas by name. Structs are parsed on demand and shared, cycles included. */
export interface SchemaSet {
  /** Undefined when there is no such type. */
  find(name: string): StructSchema | undefined;
  /** Throws when there is no such type. */
  get(name: string): StructSchema;
  /** All struct names, in the order of the texts. */
  names(): string[];
}

export function createSchemaSet(texts: readonly SchemaText[]): SchemaSet {
  const blocks = new Map<string, { folder: string; head: string[]; lines: string[] }>();
  for (const { folder, text } of texts) {
    for (const block of text.trim().split("\n\n")) {
      const [first = "", ...lines] = block.split("\n");
      const head = first.split(" ");
      blocks.set(`${folder}.${head[1]}`, { folder, head, lines });
    }
  }
  const structs = new Map<string, StructSchema>();

  function struct(name: string): StructSchema | undefined {
    const known = structs.get(name);
    if (known !== undefined) return known;
    const block = blocks.get(name);
    if (block === undefined || block.head[0] !== "type") return undefined;
    const fields = new LazyFields(() => parseFields(block.folder, block.lines));
    const schema: StructSchema = {
      type: "struct",
      name,
      isKind: block.head.includes("kind", 2),
      atomic: block.head.includes("atomic", 2),
      get fields() {
        return fields.get();
      },
    };
    structs.set(name, schema);
    return schema;
  }

  function parseFields(folder: string, lines: readonly string[]): Map<string, FieldSchema> {
    const fields = new Map<string, FieldSchema>();
    for (const line of lines) {
      const [label = "", number = "0", type = "any", ...flags] = line.split(" ");
      const pointer = type.startsWith("*");
      const schema = parseType(folder, pointer ? type.slice(1) : type);
      if (label.startsWith("=")) {
        if (schema.type !== "struct") throw new Error(`only structs are embedded, found ${line}`);
        for (const [name, inner] of schema.fields) {
          fields.set(name, { ...inner, embeddedIn: [Number(number), ...inner.embeddedIn] });
        }
        continue;
      }
      const field = parseField(label, Number(number), pointer, schema, flags);
      fields.set(field.name, field);
    }
    return fields;
  }

  function parseType(folder: string, text: string): Schema {
    if (text.startsWith("[]")) return { type: "list", items: parseType(folder, text.slice(2)) };
    if (text.startsWith("map:")) return { type: "map", values: parseType(folder, text.slice(4)) };
    if (text === "any") return { type: "any" };
    if (scalarNames.has(text)) return { type: "scalar", scalar: text as ScalarName };
    const [reference = "", or] = text.split("|");
    const name = reference.includes("/") ? reference : `${folder}.${reference}`;
    const block = blocks.get(name);
    if (block?.head[0] === "enum")
      return { type: "scalar", scalar: "string", name, values: (block.head[2] ?? "").split("|") };
    if (block?.head[0] === "alias") {
      const named = parseType(block.folder, block.head[2] ?? "any");
      return named.type === "list" && block.head[3] === "message" ? { ...named, isMessage: true } : named;
    }
    const found = struct(name);
    if (found === undefined) throw new Error(`the schema has no type ${name}`);
    return or === undefined ? found : { type: "either", struct: found, or: or as EitherSchema["or"] };
  }

  return {
    find: struct,
    get(name) {
      const found = struct(name);
      if (found === undefined) throw new Error(`the schema has no type ${name}`);
      return found;
    },
    names: () => [...blocks].filter(([, block]) => block.head[0] === "type").map(([name]) => name),
  };
}

const scalarNames = new Set([
  "string",
  "bool",
  "int32",
  "int64",
  "double",
  "bytes",
  "time",
  "microtime",
  "duration",
  "quantity",
  "intOrString",
]);

function parseField(
  label: string,
  number: number,
  pointer: boolean,
  schema: Schema,
  flags: readonly string[],
): FieldSchema {
  const optional = label.endsWith("?");
  const find = (key: string): string | undefined =>
    flags.find((flag) => flag.startsWith(`${key}=`))?.slice(key.length + 1);
  const [listType, listKeys] = find("list")?.split(":") ?? [];
  const [strategies, mergeKey] = find("patch")?.split(":") ?? [];
  const fallback = find("default");
  return {
    name: optional ? label.slice(0, -1) : label,
    schema,
    required: !optional,
    omitEmpty: flags.includes("keep") ? false : optional || flags.includes("omit"),
    pointer,
    number,
    embeddedIn: [],
    ...(listType !== undefined && { listType: listType as "atomic" | "set" | "map" }),
    ...(listKeys !== undefined && { listKeys: listKeys.split(",") }),
    ...(flags.includes("atomic") && { atomic: true }),
    patchStrategies: strategies?.split(",") ?? [],
    ...(mergeKey !== undefined && { patchMergeKey: mergeKey }),
    ...(fallback !== undefined && { fallback: JSON.parse(fallback) as unknown }),
  };
}

/** Parses once, when first asked: types refer to each other in circles. */
class LazyFields {
  readonly #parse: () => Map<string, FieldSchema>;
  #fields: Map<string, FieldSchema> | undefined;

  constructor(parse: () => Map<string, FieldSchema>) {
    this.#parse = parse;
  }

  get(): Map<string, FieldSchema> {
    return (this.#fields ??= this.#parse());
  }
}
