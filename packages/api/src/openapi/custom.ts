/** The OpenAPI of kinds that come from definitions: their paths as those of built-in kinds, their schemas as the definition says them. */
import type { ResourceInfo } from "../resource-info.ts";
import { collectDefinitions, type Definition } from "./definitions.ts";
import type { OpenApiDocument } from "./documents.ts";
import { pathsOf } from "./paths.ts";

export interface CustomResourceSchema {
  readonly info: ResourceInfo;
  readonly listKind: string;
  /** `openAPIV3Schema` of the served version; undefined describes nothing. */
  readonly schema: Definition | undefined;
}

/** The document at /openapi/v3/apis/GROUP/VERSION for a group version that definitions bring. */
export function openApiV3OfCustom(kinds: readonly CustomResourceSchema[], version: string): OpenApiDocument {
  const definitions = collectDefinitions(3, () => []);
  const own: Record<string, Definition> = {};
  const metadata = definitions.reference("meta/v1.ObjectMeta");
  const listMetadata = definitions.reference("meta/v1.ListMeta");
  for (const { info, listKind, schema } of kinds) {
    const name = nameOf(info, info.kind);
    const kindOf = (kind: string): Definition[] => [{ group: info.group, version: info.version, kind }];
    const properties = (schema?.["properties"] ?? {}) as Record<string, Definition>;
    own[name] = {
      type: "object",
      ...schema,
      properties: {
        ...properties,
        ...typeMembers,
        metadata: { allOf: [metadata], description: metadataText, default: {} },
      },
      "x-kubernetes-group-version-kind": kindOf(info.kind),
    };
    own[nameOf(info, `${info.kind}List`)] = {
      description: `${listKind} is a list of ${info.kind}`,
      type: "object",
      required: ["items"],
      properties: {
        ...typeMembers,
        metadata: { allOf: [listMetadata], description: "What is true of the list as a whole.", default: {} },
        items: {
          description: `List of ${info.resource}.`,
          type: "array",
          items: { $ref: `#/components/schemas/${name}` },
        },
      },
      "x-kubernetes-group-version-kind": kindOf(listKind),
    };
  }
  const custom = new Map<string, string>(
    kinds.flatMap(({ info }) =>
      [info.kind, `${info.kind}List`].map((kind) => [`${info.folder}.${kind}`, nameOf(info, kind)] as const),
    ),
  );
  const referring = {
    ...definitions,
    reference(schemaName: string): Definition {
      const name = custom.get(schemaName);
      return name === undefined ? definitions.reference(schemaName) : { $ref: `#/components/schemas/${name}` };
    },
  };
  const paths = Object.assign({}, ...kinds.map(({ info }) => pathsOf(info, 3, referring))) as Record<
    string,
    Definition
  >;
  return {
    openapi: "3.0.0",
    info: { title: "Kubernetes CRD Swagger", version },
    paths,
    components: { schemas: { ...definitions.all(), ...own } },
  };
}

const metadataText = "What is true of every object: names, labels, owners.";
const typeMembers: Readonly<Record<string, Definition>> = {
  apiVersion: {
    type: "string",
    description: "The group and version in which this object is written, such as apps/v1.",
  },
  kind: { type: "string", description: "The kind of object this is, in CamelCase." },
};

/** "com.example.stable.v1.CronTab": the group's words the other way round. */
function nameOf({ group, version }: ResourceInfo, kind: string): string {
  return `${group.split(".").toReversed().join(".")}.${version}.${kind}`;
}
