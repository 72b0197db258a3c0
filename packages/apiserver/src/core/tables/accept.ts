// Reads `Accept`: which form (the object, a Table, only its metadata) and which format a client can take. The first one
// that we can make wins, in the client's order of quality.
import { StatusError, statuses } from "@coxswain/apimachinery";

export interface Representation {
  readonly as: "object" | "table" | "partial";
  readonly format: "json" | "yaml";
  readonly mediaType: string;
  readonly pretty: boolean;
}

const producible = ["application/json", "application/yaml"] as const;

/** Throws 406 when nothing fits. `transforms`: whether there are tables and metadata of the resource. */
export function readAccept(
  header: string | undefined,
  query: URLSearchParams,
  userAgent: string,
  transforms = true,
): Representation {
  const pretty = query.has("pretty")
    ? !["", "0", "false"].includes(query.get("pretty") ?? "")
    : /^(curl|Wget|Mozilla\/5\.0)/.test(userAgent);
  const wanted = header === undefined || header.trim() === "" ? "*/*" : header;
  for (const clause of inOrder(wanted)) {
    const found = representationOf(clause);
    if (found && (transforms || found.as === "object")) return { ...found, pretty };
  }
  throw new StatusError(statuses.notAcceptable(producible));
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

function representationOf({ type, parameters }: Clause): Omit<Representation, "pretty"> | undefined {
  const format =
    type === "application/yaml"
      ? "yaml"
      : ["application/json", "*/*", "application/*"].includes(type)
        ? "json"
        : undefined;
  if (!format) return undefined;
  const mediaType = `application/${format}`;
  const as = parameters.get("as");
  if (as === undefined) return { as: "object", format, mediaType };
  if (parameters.get("g") !== "meta.k8s.io" || !["v1", "v1beta1"].includes(parameters.get("v") ?? "")) return undefined;
  if (as === "Table") return { as: "table", format, mediaType };
  return as === "PartialObjectMetadata" || as === "PartialObjectMetadataList"
    ? { as: "partial", format, mediaType }
    : undefined;
}
