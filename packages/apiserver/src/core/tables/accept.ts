// Reads `Accept`: which form (the object, a Table, only its metadata) and which format a client can take. The first one
// that we can make wins, in the client's order of quality.
import { StatusError, statuses } from "@coxswain/apimachinery";
import { protobufMediaType } from "../body/protobuf.ts";

export interface Representation {
  readonly as: "object" | "table" | "partial";
  readonly format: "json" | "yaml" | "protobuf";
  readonly mediaType: string;
  readonly pretty: boolean;
  /** The version that tables and metadata are asked for in. */
  readonly meta: "v1" | "v1beta1";
}

/** What can be made, beside JSON and YAML of the object. */
export interface Makeable {
  /** Tables and metadata of the resource. */
  readonly transforms: boolean;
  /** Protobuf of the object; asked only if the client would like it. */
  readonly protobuf: () => boolean;
}

const everything: Makeable = { transforms: true, protobuf: () => true };
const texts = ["application/json", "application/yaml"];

/** Throws 406 when nothing fits. */
export function readAccept(
  header: string | undefined,
  query: URLSearchParams,
  userAgent: string,
  { transforms, protobuf }: Makeable = everything,
): Representation {
  const pretty = query.has("pretty")
    ? !["", "0", "false"].includes(query.get("pretty") ?? "")
    : /^(curl|Wget|Mozilla\/5\.0)/.test(userAgent);
  const wanted = header === undefined || header.trim() === "" ? "*/*" : header;
  for (const clause of inOrder(wanted)) {
    const found = representationOf(clause);
    if (!found || (found.as !== "object" && !transforms)) continue;
    if (found.format === "protobuf" && found.as === "object" && !protobuf()) continue;
    return { ...found, pretty };
  }
  throw new StatusError(statuses.notAcceptable(protobuf() ? [...texts, protobufMediaType] : texts));
}

interface Clause {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
}

export function inOrder(header: string): readonly Clause[] {
  const clauses = header.split(",").map((text): Clause & { quality: number } => {
    const [type = "", ...rest] = text.split(";").map((part) => part.trim());
    const parameters = new Map(rest.map((part) => part.split("=", 2) as [string, string]));
    return { type: type.toLowerCase(), parameters, quality: Number(parameters.get("q") ?? 1) };
  });
  return clauses.filter(({ quality }) => quality > 0).sort((left, right) => right.quality - left.quality);
}

const formats: ReadonlyMap<string, Representation["format"]> = new Map([
  ["application/json", "json"],
  ["*/*", "json"],
  ["application/*", "json"],
  ["application/yaml", "yaml"],
  [protobufMediaType, "protobuf"],
]);

function representationOf({ type, parameters }: Clause): Omit<Representation, "pretty"> | undefined {
  const format = formats.get(type);
  if (!format) return undefined;
  const mediaType = format === "protobuf" ? protobufMediaType : `application/${format}`;
  const as = parameters.get("as");
  if (as === undefined) return { as: "object", format, mediaType, meta: "v1" };
  const meta = parameters.get("v");
  if (parameters.get("g") !== "meta.k8s.io" || (meta !== "v1" && meta !== "v1beta1")) return undefined;
  // There is no message for tables, and the one for lists of the old version is another.
  if (format === "protobuf" && (as === "Table" || meta === "v1beta1")) return undefined;
  if (as === "Table") return { as: "table", format, mediaType, meta };
  return as === "PartialObjectMetadata" || as === "PartialObjectMetadataList"
    ? { as: "partial", format, mediaType, meta }
    : undefined;
}
