/** JSON patch (RFC 6902): a list of operations at JSON pointers, all or none. */
import { cloneJson, isJsonObject, jsonEqual, setMember } from "../json-value.ts";
import { PatchError } from "./patch-error.ts";

/** The most operations one patch may have, as in Kubernetes. */
export const maximumOperations = 10_000;
/** How much all copies of one patch may add to a document, as text: a few of them double it each. */
const mostCopied = 3 * 1024 * 1024;

type Operation =
  | { op: "add" | "replace" | "test"; path: string[]; value: unknown; text: string }
  | { op: "remove"; path: string[]; text: string }
  | { op: "move" | "copy"; path: string[]; from: string[]; text: string };

/** The patched value. The arguments are left as they are. */
export function applyJsonPatch(target: unknown, patch: unknown): unknown {
  const operations = readOperations(patch);
  let document = cloneJson(target);
  let copied = 0;
  for (const operation of operations) {
    if (operation.op === "copy") {
      copied += JSON.stringify(read(document, operation.from))?.length ?? 0;
      if (copied > mostCopied)
        throw new PatchError(
          "inapplicable",
          `Unable to complete the copy, the accumulated size increase of copy is ${copied}, exceeding the limit ${mostCopied}`,
        );
    }
    document = applyOperation(document, operation);
  }
  return document;
}

function readOperations(patch: unknown): Operation[] {
  if (!Array.isArray(patch))
    throw new PatchError(
      "malformed",
      "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp",
    );
  if (patch.length > maximumOperations)
    throw new PatchError(
      "too-large",
      `The allowed maximum operations in a JSON patch is ${maximumOperations}, got ${patch.length}`,
    );
  return patch.map((entry: unknown) => {
    if (!isJsonObject(entry))
      throw new PatchError("malformed", "json: cannot unmarshal into Go value of type jsonpatch.Operation");
    const text = typeof entry["path"] === "string" ? entry["path"] : "";
    const op = entry["op"];
    const path = pointer(entry["path"]);
    switch (op) {
      case "add":
      case "replace":
      case "test":
        return { op, path, value: entry["value"] ?? null, text };
      case "remove":
        return { op, path, text };
      case "move":
      case "copy":
        return { op, path, from: pointer(entry["from"]), text };
      default:
        throw new PatchError("malformed", `invalid operation ${JSON.stringify(entry)}: unsupported operation`);
    }
  });
}

function pointer(value: unknown): string[] {
  if (typeof value !== "string") throw new PatchError("inapplicable", "missing value for path");
  if (value === "") return [];
  if (!value.startsWith("/"))
    throw new PatchError("inapplicable", `JSON pointer must start with a slash, found ${JSON.stringify(value)}`);
  return value
    .slice(1)
    .split("/")
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function applyOperation(document: unknown, operation: Operation): unknown {
  switch (operation.op) {
    case "add":
      return add(document, operation.path, cloneJson(operation.value), operation.text);
    case "remove":
      return remove(document, operation.path, "remove", operation.text);
    case "replace": {
      if (operation.path.length === 0) return cloneJson(operation.value);
      if (read(document, operation.path) === undefined) {
        throw new PatchError(
          "inapplicable",
          `replace operation does not apply: doc is missing key: ${operation.text}: missing value`,
        );
      }
      const removed = remove(document, operation.path, "replace", operation.text);
      return add(removed, operation.path, cloneJson(operation.value), operation.text);
    }
    case "move": {
      const value = read(document, operation.from);
      if (value === undefined)
        throw new PatchError("inapplicable", `error in move for path: '${operation.text}': missing value`);
      return add(remove(document, operation.from, "move", operation.text), operation.path, value, operation.text);
    }
    case "copy": {
      const value = read(document, operation.from);
      if (value === undefined)
        throw new PatchError("inapplicable", `error in copy for path: '${operation.text}': missing value`);
      return add(document, operation.path, cloneJson(value), operation.text);
    }
    case "test":
      if (jsonEqual(read(document, operation.path) ?? null, operation.value)) return document;
      throw new PatchError("inapplicable", `testing value ${operation.text} failed: test failed`);
  }
}

function read(document: unknown, path: readonly string[]): unknown {
  let value = document;
  for (const part of path) {
    if (Array.isArray(value)) value = value[index(part, value.length - 1)];
    else if (isJsonObject(value) && Object.hasOwn(value, part)) value = value[part];
    else return undefined;
  }
  return value;
}

/** The container of the path's last part. Documents are our own copy by now, so they are changed in place. */
function parent(document: unknown, path: readonly string[], verb: string, text: string): unknown {
  const container = read(document, path.slice(0, -1));
  if (typeof container === "object" && container !== null) return container;
  throw new PatchError(
    "inapplicable",
    `${verb} operation does not apply: doc is missing path: ${JSON.stringify(text)}: missing value`,
  );
}

function add(document: unknown, path: readonly string[], value: unknown, text: string): unknown {
  const last = path.at(-1);
  if (last === undefined) return value;
  const container = parent(document, path, "add", text);
  if (Array.isArray(container)) {
    const at = last === "-" ? container.length : index(last, container.length);
    if (at === -1)
      throw new PatchError(
        "inapplicable",
        `add operation does not apply: doc is missing path: ${JSON.stringify(text)}: invalid array index`,
      );
    container.splice(at, 0, value);
  } else if (isJsonObject(container)) setMember(container, last, value);
  return document;
}

function remove(document: unknown, path: readonly string[], verb: string, text: string): unknown {
  const last = path.at(-1);
  if (last === undefined) return null;
  const container = parent(document, path, verb, text);
  if (Array.isArray(container)) {
    const at = index(last, container.length - 1);
    if (at === -1) throw new PatchError("inapplicable", `Unable to access invalid index: ${last}`);
    container.splice(at, 1);
  } else if (isJsonObject(container)) {
    if (!Object.hasOwn(container, last)) {
      throw new PatchError(
        "inapplicable",
        `${verb} operation does not apply: doc is missing key: ${text}: missing value`,
      );
    }
    delete container[last];
  }
  return document;
}

/** A list index from 0 to `most`; -1 when it is none. Negative ones count from the end, as the Go library allows. */
function index(part: string, most: number): number {
  if (!/^-?(0|[1-9]\d*)$/.test(part)) return -1;
  const number = Number(part) < 0 ? most + 1 + Number(part) : Number(part);
  return number >= 0 && number <= most ? number : -1;
}
