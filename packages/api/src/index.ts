/**
 * The door of the scheme: schemas, served resources, defaults, validation, columns. It loads all of the built-in API; whoever needs types and
 * descriptors only goes through `@coxswain/api/<group>/<version>`, which cost nothing.
 */
export type { ResourceInfo } from "./resource-info.ts";
export { resources } from "./resources.ts";
export { findKind, findResource, findSchema, schemaName, schemas } from "./scheme.ts";
export { defaultObject } from "./defaults.ts";
export { tablePrinter } from "./columns.ts";
export type { Column, TablePrinter } from "./table.ts";
export { fieldLabelError, keptFieldLabel, selectableFields } from "./fields.ts";
export { validateCreate, validateUpdate } from "./validation.ts";
export { validateAddresses as validateServiceAddresses } from "./core/v1/service/address-validation.ts";
export type { OpenApiDocument } from "./openapi/documents.ts";
export { openApiV2OfCustom, openApiV3OfCustom } from "./openapi/custom.ts";
export type { OpenApiV2Part } from "./openapi/custom.ts";
export { joinOpenApiV2 } from "./openapi/custom-version-2.ts";
export { groupsOfOpenApiV2, mergeOpenApiV2 } from "./openapi/merged-version-2.ts";
export { openApiDiscoveryNames, openApiDiscoveryV3, openApiV2, openApiV3 } from "./openapi/documents.ts";
export { encodeOpenApiV2, openApiProtobufNames, openApiProtobufType } from "./openapi/protobuf.ts";
export { encodeOpenApiV3, openApiV3ProtobufNames, openApiV3ProtobufType } from "./openapi/protobuf-version-3.ts";
export { definitionName } from "./openapi/definitions.ts";
export { describeField, describeType } from "./descriptions.ts";
export { validateMetadata, validateMetadataUpdate } from "./validation/metadata.ts";
export { kindWarnings, objectWarnings } from "./warnings.ts";
