// `cox explain`: what fields a type has and what they mean, from the server's OpenAPI documents.
import { apiVersionOf } from "@coxswain/apimachinery";
import { bool, text } from "../args/common.ts";
import type { Command } from "../command.ts";
import { list, part, str, texts } from "../describe/page.ts";
import type { Part } from "../describe/page.ts";
import { CommandError } from "../failure.ts";
import { call } from "../resource/api.ts";

export const explain: Command = {
  usage: "explain TYPE [--recursive=FALSE|TRUE] [--api-version=api-version-group] [-o|--output=plaintext] [options]",
  summary: "Get documentation for a resource",
  examples: `
# The fields of pods
cox explain pods

# One field
cox explain deploy.spec.strategy

# All names below
cox explain cm --recursive`,
  flags: {
    "api-version": text("Use given api-version (group/version) of the resource."),
    output: text("Format in which to render the schema. Valid values are: (plaintext).", {
      short: "o",
      default: "plaintext",
    }),
    recursive: bool("When true, print the name of all the fields recursively."),
  },
  run: async (session, args) => {
    if (args.words.length === 0)
      throw new CommandError(
        'You must specify the type of resource to explain. Use "cox api-resources" for a complete list of supported resources.',
      );
    if (args.words.length > 1) throw new CommandError("We accept only this format: explain RESOURCE");
    if (args.text("output") !== "plaintext") throw new CommandError(`unrecognized format: ${args.text("output")}`);
    const [type = "", ...path] = (args.words[0] ?? "").split(".");
    const mapper = await session.mapper();
    let descriptor = await mapper.find(type);
    const wanted = args.text("api-version");
    if (wanted !== "") descriptor = await mapper.ofObject({ apiVersion: wanted, kind: descriptor.kind });
    const version = apiVersionOf(descriptor);
    const index = await call<{ paths: Record<string, { serverRelativeURL: string }> }>(session, {
      method: "GET",
      path: "/openapi/v3",
    });
    const at = index.paths[descriptor.group === "" ? `api/${version}` : `apis/${version}`]?.serverRelativeURL;
    if (at === undefined)
      throw new CommandError(`couldn't find resource for "${version}, Resource=${descriptor.resource}"`);
    const [document = "", query = ""] = at.split("?");
    const openapi = await call<{ components: { schemas: Record<string, Part> } }>(session, {
      method: "GET",
      path: document,
      query: Object.fromEntries(new URLSearchParams(query)),
    });
    const schemas = openapi.components.schemas;
    const root = Object.values(schemas).find((schema) =>
      list(schema["x-kubernetes-group-version-kind"]).some(
        (each) =>
          str(each["group"]) === descriptor.group &&
          each["version"] === descriptor.version &&
          each["kind"] === descriptor.kind,
      ),
    );
    if (root === undefined)
      throw new CommandError(`GVR (${version}, Resource=${descriptor.resource}) not found in OpenAPI schema`);
    const page = new Explanation(schemas);
    const front = descriptor.group === "" ? "" : `GROUP:      ${descriptor.group}\n`;
    session.out.write(`${front}KIND:       ${descriptor.kind}\nVERSION:    ${descriptor.version}\n\n`);
    session.out.write(page.text(root, path, args.flag("recursive")));
  },
};

const width = 76;

class Explanation {
  readonly #schemas: Readonly<Record<string, Part>>;

  constructor(schemas: Readonly<Record<string, Part>>) {
    this.#schemas = schemas;
  }

  text(root: Part, path: readonly string[], recursive: boolean): string {
    let field = root;
    for (const name of path) {
      const next = part(this.#fieldsOf(field)[name]);
      if (Object.keys(next).length === 0) throw new CommandError(`field "${name}" does not exist`);
      field = next;
    }
    const name = path.at(-1);
    const values = texts(this.#plain(field)["enum"]);
    const kinds = values.map((value) => `    ${value}\n`).join("");
    const head =
      name === undefined
        ? ""
        : `FIELD: ${name} <${this.#typeOf(field)}>\n${values.length > 0 ? `ENUM:\n${kinds}` : "\n"}\n`;
    const fields = this.#fieldList(field, 1, recursive, new Set());
    return `${head}DESCRIPTION:\n${this.#descriptions(field).map(wrapped(4)).join("")}    \n${fields === "" ? "" : `FIELDS:\n${fields}`}\n`;
  }

  /** Properties of an object, of a list's items, of a map's values. */
  #fieldsOf(schema: Part): Part {
    const plain = this.#plain(schema);
    if (plain["properties"] !== undefined) return part(plain["properties"]);
    if (plain["items"] !== undefined) return this.#fieldsOf(part(plain["items"]));
    if (typeof plain["additionalProperties"] === "object") return this.#fieldsOf(part(plain["additionalProperties"]));
    return {};
  }

  #requiredOf(schema: Part): readonly string[] {
    const plain = this.#plain(schema);
    if (plain["properties"] !== undefined) return texts(plain["required"]);
    if (plain["items"] !== undefined) return this.#requiredOf(part(plain["items"]));
    if (typeof plain["additionalProperties"] === "object") return this.#requiredOf(part(plain["additionalProperties"]));
    return [];
  }

  /** What a reference leads to; the schema itself where it is none. */
  #plain(schema: Part): Part {
    const name = referenceOf(schema);
    return name === undefined ? schema : this.#plain(this.#schemas[name] ?? {});
  }

  #typeOf(schema: Part): string {
    const name = referenceOf(schema);
    if (name !== undefined) {
      const type = str(this.#plain(schema)["type"]);
      return type === "" || type === "object" ? (name.split(".").at(-1) ?? "") : type;
    }
    if (schema["items"] !== undefined) return `[]${this.#typeOf(part(schema["items"]))}`;
    if (typeof schema["additionalProperties"] === "object")
      return `map[string]${this.#typeOf(part(schema["additionalProperties"]))}`;
    return str(schema["type"]) || "Object";
  }

  /** Its own, then what it refers to. */
  #descriptions(schema: Part): readonly string[] {
    const own = str(schema["description"]);
    const name = referenceOf(schema);
    const below =
      name !== undefined
        ? this.#descriptions(this.#schemas[name] ?? {})
        : schema["items"] !== undefined
          ? this.#descriptions(part(schema["items"]))
          : typeof schema["additionalProperties"] === "object"
            ? this.#descriptions(part(schema["additionalProperties"]))
            : [];
    return own === "" ? below : [own, ...below];
  }

  #fieldList(schema: Part, level: number, recursive: boolean, seen: ReadonlySet<string>): string {
    const fields = this.#fieldsOf(schema);
    const required = this.#requiredOf(schema);
    const front = "  ".repeat(level);
    return Object.keys(fields)
      .sort()
      .map((name) => {
        const field = part(fields[name]);
        const values = texts(this.#plain(field)["enum"]);
        const type = this.#typeOf(field);
        const line = `${front}${name}\t<${type}>${required.includes(name) ? " -required-" : ""}\n${values.length === 0 ? "" : `${front}enum: ${shownValues(values)}\n`}`;
        if (!recursive)
          return `${line}${this.#descriptions(field)
            .slice(0, 1)
            .map(wrapped(2 * level + 2))
            .join("")}\n`;
        const base = type.replace(/^(\[\]|map\[string\])+/, "");
        if (seen.has(base)) return line;
        return `${line}${this.#fieldList(field, level + 1, true, new Set([...seen, base]))}`;
      })
      .join("");
  }
}

/** "#/components/schemas/NAME", alone or as the only one of allOf. */
function referenceOf(schema: Part): string | undefined {
  const [only, ...more] = list(schema["allOf"]);
  const reference = str(schema["$ref"]) || (only !== undefined && more.length === 0 ? str(only["$ref"]) : "");
  return reference === "" ? undefined : reference.split("/").at(-1);
}

const most = 4;
const shownValues = (values: readonly string[]): string => {
  const shown = values.map((value) => (value === "" ? '""' : value));
  return shown.length > most ? `${shown.slice(0, most).join(", ")}, ....` : shown.join(", ");
};

const wrapped =
  (indent: number) =>
  (description: string): string =>
    description
      .split("\n")
      .flatMap((line) => {
        const lines: string[] = [];
        let now = "";
        for (const word of line.split(" ")) {
          if (now !== "" && now.length + 1 + word.length > width) {
            lines.push(now);
            now = word;
          } else now = now === "" ? word : `${now} ${word}`;
        }
        return [...lines, now];
      })
      .map((line) => `${" ".repeat(indent)}${line}\n`)
      .join("");
