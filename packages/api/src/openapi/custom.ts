/** The OpenAPI of kinds that come from definitions: their paths as those of built-in kinds, their schemas as the definition says them. */
import type { ResourceInfo } from "../resource-info.ts";
import { inVersion2, keepsUnknown } from "./custom-version-2.ts";
import { collectDefinitions, type Definition, type Definitions, type OpenApiVersion } from "./definitions.ts";
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
  const { paths, own, definitions } = describe(kinds, 3);
  return {
    openapi: "3.0.0",
    info: { title: "Kubernetes CRD Swagger", version },
    paths,
    components: { schemas: { ...definitions.all(), ...own } },
  };
}

export interface OpenApiV2Part {
  readonly paths: Readonly<Record<string, Definition>>;
  readonly definitions: Readonly<Record<string, Definition>>;
}

/** What definitions add to the document at /openapi/v2. It refers to definitions of the built-in API. */
export function openApiV2OfCustom(kinds: readonly CustomResourceSchema[]): OpenApiV2Part {
  const { paths, own } = describe(kinds, 2);
  return { paths, definitions: own };
}

interface Description {
  readonly paths: Record<string, Definition>;
  readonly own: Record<string, Definition>;
  /** What `own` and the paths refer to. */
  readonly definitions: Definitions;
}

function describe(kinds: readonly CustomResourceSchema[], version: OpenApiVersion): Description {
  const definitions = collectDefinitions(version, () => []);
  const own: Record<string, Definition> = {};
  const prefix = version === 2 ? "#/definitions/" : "#/components/schemas/";
  const refer = (to: Definition, more: Definition): Definition =>
    version === 2 ? { ...to, ...more } : { allOf: [to], ...more, default: {} };
  const metadata = refer(definitions.reference("meta/v1.ObjectMeta"), { description: metadataText });
  const listMetadata = refer(definitions.reference("meta/v1.ListMeta"), { description: listMetadataText });
  for (const { info, listKind, schema } of kinds) {
    const name = nameOf(info, info.kind);
    const kindOf = (kind: string): Definition[] => [{ group: info.group, version: info.version, kind }];
    own[name] = {
      ...content(schema, version, { ...typeMembers, metadata }),
      "x-kubernetes-group-version-kind": kindOf(info.kind),
    };
    own[nameOf(info, `${info.kind}List`)] = {
      description: `${listKind} is a list of ${info.kind}`,
      type: "object",
      required: ["items"],
      properties: {
        ...typeMembers,
        metadata: listMetadata,
        items: { description: `List of ${info.resource}.`, type: "array", items: { $ref: prefix + name } },
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
      return name === undefined ? definitions.reference(schemaName) : { $ref: prefix + name };
    },
  };
  const paths = Object.assign(
    {},
    ...kinds.map(({ info }) => pathsOf(info, version, referring, customPatchTypes)),
  ) as Record<string, Definition>;
  return { paths, own, definitions };
}

/** No strategic merge: kubectl takes the first of its ways of merging that it finds here. */
const customPatchTypes = [
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/apply-patch+yaml",
];

/**
 * The schema with the members that every object has. In version 2 one that keeps unknown members is described by nothing at all: to kubectl,
 * which reads version 2, a member that is not listed is a wrong one.
 */
function content(schema: Definition | undefined, version: OpenApiVersion, members: Definition): Definition {
  if (version === 2 && (schema === undefined || keepsUnknown(schema))) return { type: "object" };
  const said = schema && version === 2 ? inVersion2(schema) : schema;
  const properties = (said?.["properties"] ?? {}) as Record<string, Definition>;
  return { type: "object", ...said, properties: { ...properties, ...members } };
}

// Test suites of clients look for how these texts begin.
const metadataText = "Standard object's metadata: names, labels, owners and the like.";
const listMetadataText = "What is true of the list as a whole.";
const typeMembers: Readonly<Record<string, Definition>> = {
  apiVersion: {
    type: "string",
    description: "APIVersion defines the form in which this object is written, by group and version, such as apps/v1.",
  },
  kind: { type: "string", description: "The kind of object this is, in CamelCase." },
};

/** "com.example.stable.v1.CronTab": the group's words the other way round. */
function nameOf({ group, version }: ResourceInfo, kind: string): string {
  return `${group.split(".").toReversed().join(".")}.${version}.${kind}`;
}
