/** The scheme: schemas by name, and how to find the resource or schema of a group, version and kind. */
import {
  createSchemaSet,
  type GroupVersionKind,
  type GroupVersionResource,
  type SchemaSet,
  type StructSchema,
} from "@coxswain/apimachinery";
import type { ResourceInfo } from "./resource-info.ts";
import { resources } from "./resources.ts";
import { schemaTexts } from "./schema-texts.ts";

/** Every type of the built-in API, by names such as "core/v1.Pod". */
export const schemas: SchemaSet = createSchemaSet(schemaTexts);

const folders = new Map(schemaTexts.map(({ group, version, folder }) => [`${group}/${version}`, folder]));
const byResource = new Map(resources.map((info) => [`${info.group}/${info.version}/${info.resource}`, info]));
const byKind = new Map(resources.map((info) => [`${info.group}/${info.version}/${info.kind}`, info]));

/** "apps/v1.Deployment" for a kind of a built-in group; undefined for the others. */
export function schemaName(type: GroupVersionKind): string | undefined {
  const folder = folders.get(`${type.group}/${type.version}`);
  return folder === undefined ? undefined : `${folder}.${type.kind}`;
}

/** The schema of a kind (or of a body such as Eviction, Scale, TokenRequest, DeleteOptions of meta.k8s.io). */
export function findSchema(type: GroupVersionKind): StructSchema | undefined {
  const name = schemaName(type);
  return name === undefined ? undefined : schemas.find(name);
}

export function findResource(of: GroupVersionResource): ResourceInfo | undefined {
  return byResource.get(`${of.group}/${of.version}/${of.resource}`);
}

export function findKind(of: GroupVersionKind): ResourceInfo | undefined {
  return byKind.get(`${of.group}/${of.version}/${of.kind}`);
}
