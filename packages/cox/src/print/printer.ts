// Chooses what `-o` means and prints objects by it: yaml, json, name, templates, JSONPath, columns. Tables are `get`'s own affair.
import { readFileSync } from "node:fs";
import type { ApiObject } from "@coxswain/apimachinery";
import type { Args } from "../args/flags.ts";
import { CommandError } from "../failure.ts";
import { formatJson, sortKeys } from "./json.ts";
import { formatYaml } from "./yaml.ts";

/** Text for one object; the object may be a list. */
export type Printer = (object: unknown) => Promise<string> | string;

const formats =
  "custom-columns,custom-columns-file,go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,name,template,templatefile,wide,yaml";
const short =
  "go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,name,template,templatefile,yaml";

/**
 * Undefined when there is no `-o` (or "wide"): the command says in words what it did, or shows a table. `kindOf` names objects for
 * "name".
 */
export async function createPrinter(
  args: Args,
  options: {
    readonly tables?: boolean;
    readonly nameOf?: (object: ApiObject) => string;
    readonly order?: (object: unknown) => unknown;
  } = {},
): Promise<Printer | undefined> {
  const output = args.text("output");
  if (args.knows("template") && args.text("template") !== "" && output === "")
    return templatePrinter(args.text("template"), args);
  if (output === "" || (options.tables === true && output === "wide")) return undefined;
  const [format = "", ...rest] = output.split("=");
  const given = rest.join("=");
  const argument = given === "" && args.knows("template") ? args.text("template") : given;
  let yamlDocuments = 0;
  switch (format) {
    case "json":
      return (object) => `${formatJson((options.order ?? sortKeys)(visible(object, args)))}\n`;
    case "yaml":
      return (object) => `${(yamlDocuments += 1) > 1 ? "---\n" : ""}${formatYaml(visible(object, args))}`;
    case "name":
      return (object) => names(object, options.nameOf);
    case "jsonpath":
    case "jsonpath-file":
    case "jsonpath-as-json": {
      const text = format === "jsonpath-file" ? readFile(argument) : argument;
      if (text === "") throw new CommandError("template format specified but no template given");
      return jsonPathPrinter(text, format === "jsonpath-as-json", args);
    }
    case "go-template":
    case "template":
    case "go-template-file":
    case "templatefile": {
      const text = format.endsWith("file") ? readFile(argument) : argument;
      if (text === "") throw new CommandError("template format specified but no template given");
      return templatePrinter(text, args);
    }
    case "custom-columns":
    case "custom-columns-file":
      if (options.tables === true) return columnsPrinter(format, argument, args);
      break;
    default:
  }
  throw new CommandError(
    `unable to match a printer suitable for the output format "${output}", allowed formats are: ${options.tables ? formats : short}`,
  );
}

function visible(object: unknown, args: Args): unknown {
  const hide = (value: unknown): unknown => {
    if (typeof value !== "object" || value === null) return value;
    const { metadata, items, ...rest } = value as { metadata?: Record<string, unknown>; items?: unknown };
    const { managedFields: _hidden, ...shown } = metadata ?? {};
    return {
      ...rest,
      ...(metadata === undefined ? {} : { metadata: shown }),
      ...(items === undefined ? {} : { items: Array.isArray(items) ? items.map(hide) : items }),
    };
  };
  return args.knows("show-managed-fields") && args.flag("show-managed-fields") ? object : hide(object);
}

function names(object: unknown, nameOf: ((object: ApiObject) => string) | undefined): string {
  const { items } = object as { items?: readonly ApiObject[] };
  if (Array.isArray(items)) return (items as ApiObject[]).map((item) => names(item, nameOf)).join("");
  const single = object as ApiObject;
  if (nameOf) return `${nameOf(single)}\n`;
  const [group = ""] = single.apiVersion.includes("/") ? single.apiVersion.split("/") : [""];
  return `${single.kind.toLowerCase()}${group === "" ? "" : `.${group}`}/${single.metadata.name}\n`;
}

async function jsonPathPrinter(template: string, asJson: boolean, args: Args): Promise<Printer> {
  const { evaluateJsonPath, JsonPathError, parseJsonPath, printJsonPath } = await import("./jsonpath.ts");
  const options = {
    allowMissing: args.knows("allow-missing-template-keys") ? args.flag("allow-missing-template-keys") : true,
  };
  const refuse = (doing: string, error: unknown, object?: unknown): never => {
    if (!(error instanceof JsonPathError)) throw error;
    const more =
      object === undefined
        ? ""
        : `. Printing more information for debugging the template:\n\ttemplate was:\n\t\t${template}\n\tobject given to jsonpath engine was:\n\t\t${formatJson(object, 0)}\n\n`;
    throw new CommandError(
      object === undefined
        ? `${doing} ${template}, ${error.message}`
        : `${doing} "${template}": ${error.message}${more}`,
    );
  };
  const parse = (): ReturnType<typeof parseJsonPath> => {
    try {
      return parseJsonPath(template);
    } catch (error) {
      return refuse("error parsing jsonpath", error);
    }
  };
  const nodes = parse();
  return (object) => {
    try {
      if (!asJson) return printJsonPath(nodes, object, options);
      return `${formatJson(sortKeys(evaluateJsonPath(nodes, object, options).flat()))}\n`;
    } catch (error) {
      return refuse("error executing jsonpath", error, object);
    }
  };
}

async function templatePrinter(text: string, args: Args): Promise<Printer> {
  const [{ parseTemplate, TemplateError }, { checkFunctions, runTemplate }] = await Promise.all([
    import("./template-parse.ts"),
    import("./template-run.ts"),
  ]);
  const guard = <T>(work: () => T, doing: string): T => {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error;
      throw new CommandError(`${doing} ${text}, ${error.message}`);
    }
  };
  const template = guard(() => {
    const parsed = parseTemplate(text);
    checkFunctions(parsed);
    return parsed;
  }, "error parsing template");
  return (object) =>
    guard(() => runTemplate(template, object, args.flag("allow-missing-template-keys")), "error executing template");
}

async function columnsPrinter(format: string, argument: string, args: Args): Promise<Printer> {
  const [{ columnLines, parseColumns, parseColumnsFile }, { alignTabs, tableTabs }] = await Promise.all([
    import("./custom-columns.ts"),
    import("./tabs.ts"),
  ]);
  const columns = format === "custom-columns" ? parseColumns(argument) : parseColumnsFile(readFile(argument));
  return (object) => {
    const { items } = object as { items?: readonly unknown[] };
    return alignTabs(
      columnLines(columns, Array.isArray(items) ? items : [object], !args.flag("no-headers")),
      tableTabs,
    );
  };
}

function readFile(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new CommandError(`error reading --template ${path}, open ${path}: no such file or directory`, { cause });
  }
}
