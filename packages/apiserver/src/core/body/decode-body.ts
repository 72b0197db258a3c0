// From the bytes of a body to an object of the expected kind: JSON or YAML, the kind checked, the schema applied, and what
// strict reading would refuse. Errors are Kubernetes' 400 and 415.
import {
  decode,
  DecodeError,
  duplicateFields,
  isJsonObject,
  jsonSyntaxError,
  parseApiVersion,
  StatusError,
  statuses,
  strictComplaints,
  strictDecodingError,
  parseJson,
} from "@coxswain/apimachinery";
import type { ApiObject, Decoded, JsonObject, StructSchema } from "@coxswain/apimachinery";
import { findSchema } from "@coxswain/api";
import type { GroupVersionKind } from "../request.ts";
import { ProtobufError, protobufMediaType, readEnvelope, readMessage } from "./protobuf.ts";
import { parseYaml } from "./yaml.ts";

export type FieldValidation = "Ignore" | "Warn" | "Strict";

export const bodyMediaTypes = ["application/json", "application/yaml", protobufMediaType] as const;

export interface ParsedBody {
  readonly value: unknown;
  /** Strict complaints that can be made before the kind is known: members that occur twice. */
  readonly complaints: () => readonly string[];
  /** All complaints in the order of the text, with those about fields that the kind does not have; left out: these come last. */
  readonly ordered?: (unknown: readonly string[]) => readonly string[];
}

/** The cause of a strict refusal. */
export class StrictError extends Error {
  /** Names of unknown fields, as paths. */
  readonly unknown: readonly string[];

  constructor(message: string, unknown: readonly string[]) {
    super(message);
    this.unknown = unknown;
  }
}

/** Reads JSON or YAML. Absent content types mean JSON. */
export function parseBody(bytes: Buffer, contentType: string | undefined, of: string): ParsedBody {
  const mediaType = mediaTypeOf(contentType);
  if (mediaType === protobufMediaType) return parseProtobuf(bytes, of);
  if (
    mediaType !== "application/json" &&
    mediaType !== "application/yaml" &&
    mediaType !== "application/vnd.kubernetes.yaml"
  ) {
    throw new StatusError(statuses.unsupportedMediaType(bodyMediaTypes));
  }
  return parseText(bytes.toString(), mediaType === "application/json" ? "json" : "yaml", of);
}

/** The value its JSON would be. The envelope names the type; an unknown one is left for decoding to refuse. */
function parseProtobuf(bytes: Buffer, of: string): ParsedBody {
  try {
    const { apiVersion, kind, raw } = readEnvelope(bytes);
    const type = parseApiVersion(apiVersion);
    // Options travel under the version of the group they are used in.
    const schema = type && (findSchema({ ...type, kind }) ?? findSchema({ group: "meta.k8s.io", version: "v1", kind }));
    return { value: { ...(schema && readMessage(schema, raw)), apiVersion, kind }, complaints: () => [] };
  } catch (error) {
    if (error instanceof ProtobufError)
      throw new StatusError(
        statuses.badRequest(`the object provided is unrecognized (must be of type ${of}): ${error.message}`),
        { cause: error },
      );
    throw error;
  }
}

export function mediaTypeOf(contentType: string | undefined): string {
  return (contentType ?? "application/json").split(";", 1)[0]?.trim().toLowerCase() || "application/json";
}

/** `refuse` says of YAML that it is none. */
export function parseText(
  text: string,
  format: "json" | "yaml",
  of: string,
  refuse: (why: string) => StatusError = (why) => unrecognized(of, why, text),
): ParsedBody {
  // kubectl sends JSON as YAML in server-side apply; reading JSON is ten times cheaper.
  if (format === "json" || text.startsWith("{")) {
    try {
      const value = parseJson(text);
      assertDepth(text);
      return {
        value,
        complaints: () => (isPlainlyUnique(text, value) ? [] : duplicatesIn(text)),
        ordered: (unknown) => strictComplaints(text, unknown),
      };
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      if (format === "json")
        throw unrecognized(
          of,
          `couldn't get version/kind; json parse error: ${jsonSyntaxError(text) ?? error.message}`,
          text,
        );
    }
  }
  const parsed = parseYaml(text);
  if ("error" in parsed) throw refuse(`yaml: ${parsed.error}`);
  return { value: parsed.value, complaints: () => parsed.complaints };
}

/** What clients write themselves comes back with the same length; a member that occurred twice would be missing. */
function isPlainlyUnique(text: string, value: unknown): boolean {
  return JSON.stringify(value)?.length === text.length;
}

function duplicatesIn(text: string): string[] {
  return duplicateFields(text).map((path) => `duplicate field ${JSON.stringify(path)}`);
}

/** Deeper nesting has no use but to exhaust a stack. Kubernetes reads ten times as deep. */
const maxDepth = 1000;

function assertDepth(text: string): void {
  if (text.length < maxDepth * 2) return;
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (inString) {
      if (code === 0x5c) at += 1;
      else if (code === 0x22) inString = false;
    } else if (code === 0x22) inString = true;
    else if (code === 0x7b || code === 0x5b) {
      depth += 1;
      if (depth > maxDepth) throw new StatusError(statuses.badRequest("exceeded max depth"));
    } else if (code === 0x7d || code === 0x5d) depth -= 1;
  }
}

function unrecognized(of: string, why: string, text: string): StatusError {
  return new StatusError(
    statuses.badRequest(`the object provided is unrecognized (must be of type ${of}): ${why} (${summaryOf(text)})`),
  );
}

/** The first bytes of a body, as they are where it begins like JSON, else in hexadecimal digits. */
function summaryOf(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length === 0) return "<empty>";
  const summary = bytes.subarray(0, summarySize).toString(text.startsWith("{") ? "utf8" : "hex");
  return bytes.length > summarySize ? `${summary} ...` : summary;
}

const summarySize = 30;

/** Makes an object of the expected kind of parsed input; its kind and apiVersion may be left out. */
export function decodeObject(
  parsed: ParsedBody,
  expected: GroupVersionKind,
  schema: StructSchema,
  validation: FieldValidation,
  warn: (text: string) => void,
): ApiObject {
  return decodeWith(parsed, expected, (input) => decode(schema, input), validation, warn);
}

/** The same, where something else than a schema of ours reads the members. `read` throws `DecodeError`. */
export function decodeWith(
  parsed: ParsedBody,
  expected: GroupVersionKind,
  read: (input: JsonObject) => Decoded,
  validation: FieldValidation,
  warn: (text: string) => void,
): ApiObject {
  const input = parsed.value;
  if (!isJsonObject(input))
    throw unrecognized(
      expected.kind,
      `couldn't get version/kind; json parse error: json: cannot unmarshal ${typeOf(input)} into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }`,
      JSON.stringify(input),
    );
  checkKind(input, expected);
  const inVersion = `${expected.kind} in version ${JSON.stringify(expected.version)} cannot be handled as a ${expected.kind}`;
  let decoded: Decoded;
  try {
    decoded = read(input);
  } catch (error) {
    if (error instanceof DecodeError)
      throw new StatusError(statuses.badRequest(`${inVersion}: ${error.message}`), { cause: error });
    throw error;
  }
  if (validation !== "Ignore") {
    const complaints = complaintsOf(parsed, decoded.complaints);
    if (complaints.length > 0 && validation === "Strict") {
      // The refusal is Kubernetes' own; what helps stands beside it.
      for (const hint of decoded.hints) warn(hint);
      const why = strictDecodingError(joinLines(complaints));
      const cause = new StrictError(
        why,
        decoded.complaints.map(unknownField).filter((path) => path !== undefined),
      );
      throw new StatusError(statuses.badRequest(`${inVersion}: ${why}`), { cause });
    }
    for (const complaint of complaints) warn(complaint);
  }
  const object = decoded.value as Record<string, unknown> & ApiObject;
  object.kind = expected.kind;
  object.apiVersion = versionText(expected);
  if (statesNoOwners(input)) object.metadata.managedFields = [];
  return object;
}

/** Decoding leaves empty lists out; this one says that nobody owns anything. */
function statesNoOwners({ metadata }: JsonObject): boolean {
  const owners = isJsonObject(metadata) ? metadata["managedFields"] : undefined;
  return Array.isArray(owners) && owners.length === 0;
}

function complaintsOf({ complaints, ordered }: ParsedBody, unknown: readonly string[]): readonly string[] {
  const repeated = complaints();
  if (repeated.length === 0 || unknown.length === 0 || !ordered) return [...repeated, ...unknown];
  const paths = unknown.map(unknownField).filter((path) => path !== undefined);
  return paths.length === unknown.length ? ordered(paths) : [...repeated, ...unknown];
}

/** The path in a complaint about a field that the kind does not have. */
function unknownField(complaint: string): string | undefined {
  const quoted = /^unknown field (".*")$/.exec(complaint)?.[1];
  return quoted === undefined ? undefined : (JSON.parse(quoted) as string);
}

const yamlLine = /^line \d+: /;

/** Complaints about lines of YAML are one error of its library. */
export function joinLines(complaints: readonly string[]): readonly string[] {
  const lines = complaints.filter((complaint) => yamlLine.test(complaint));
  if (lines.length === 0) return complaints;
  const joined = ["yaml: unmarshal errors:", ...lines].join("\n  ");
  return [joined, ...complaints.filter((complaint) => !yamlLine.test(complaint))];
}

function textOf(value: unknown, otherwise: string): string {
  return typeof value === "string" && value !== "" ? value : otherwise;
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value === "boolean" ? "bool" : typeof value;
}

function versionText({ group, version }: GroupVersionKind): string {
  return group === "" ? version : `${group}/${version}`;
}

function checkKind(input: JsonObject, expected: GroupVersionKind): void {
  const { kind, apiVersion } = input;
  for (const name of ["kind", "apiVersion"]) {
    const value = input[name] ?? "";
    if (typeof value === "string") continue;
    const why = `json: cannot unmarshal ${typeOf(value)} into Go struct field .${name} of type string`;
    throw unrecognized(expected.kind, `couldn't get version/kind; json parse error: ${why}`, JSON.stringify(input));
  }
  const sameKind = textOf(kind, expected.kind) === expected.kind;
  const sameVersion = textOf(apiVersion, versionText(expected)) === versionText(expected);
  if (sameKind && sameVersion) return;
  const given = {
    kind: textOf(kind, expected.kind),
    ...(parseApiVersion(textOf(apiVersion, versionText(expected))) ?? { group: "", version: "" }),
  };
  const prefix = `${given.kind} in version ${JSON.stringify(given.version)} cannot be handled as a ${expected.kind}`;
  if (findSchema(given) === undefined) {
    throw new StatusError(
      statuses.badRequest(
        `${prefix}: no kind ${JSON.stringify(given.kind)} is registered for version ${JSON.stringify(versionText(given))} in scheme "k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30"`,
      ),
    );
  }
  if (given.kind !== expected.kind)
    throw new StatusError(
      statuses.badRequest(
        `${prefix}: converting (${given.version}.${given.kind}) to (${expected.group || "core"}.${expected.kind}): unknown conversion`,
      ),
    );
  throw new StatusError(
    statuses.badRequest(
      `the API version in the data (${versionText(given)}) does not match the expected API version (${versionText(expected)})`,
    ),
  );
}
