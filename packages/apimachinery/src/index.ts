/** The door of apimachinery: what is true of every kind. */
export type {
  Condition,
  DeleteOptions,
  DeletionPropagation,
  FieldSelectorRequirement,
  FieldsV1,
  GroupVersionKind,
  GroupVersionResource,
  IntOrString,
  LabelSelector,
  LabelSelectorRequirement,
  ListMeta,
  ManagedFieldsEntry,
  MicroTime,
  ObjectMeta,
  OwnerReference,
  Preconditions,
  Quantity,
  RawExtension,
  TemplateMeta,
  Time,
  TypeMeta,
} from "./meta.ts";
export type { ApiObject, DeepReadonly, List, ResourceDescriptor, WatchEvent, WatchEventType } from "./object.ts";
export { apiVersionOf, objectKey, parseApiVersion, qualifiedName } from "./object.ts";
export type { GroupResource, Status, StatusDetails, StatusReason } from "./status.ts";
export {
  isAlreadyExists,
  isConflict,
  isForbidden,
  isGone,
  isInvalid,
  isNotFound,
  reasonOf,
  StatusError,
  statuses,
} from "./status.ts";
export type { FieldError, FieldErrorType, StatusCause } from "./field-error.ts";
export { aggregateText, causeOf, fieldErrorBody, fieldErrors, fieldErrorText, GoValue } from "./field-error.ts";
export { exactInteger, parseJson } from "./exact-json.ts";
export type { JsonObject } from "./json-value.ts";
export { cloneJson, isJsonObject, jsonEqual, setMember } from "./json-value.ts";
export type { FieldSchema, MapSchema, ScalarName, Schema, SchemaSet, SchemaText, StructSchema } from "./schema.ts";
export { createSchemaSet } from "./schema.ts";
export type { Decoded } from "./decode.ts";
export { decode, DecodeError, strictDecodingError, zeroValue } from "./decode.ts";
export { duplicateFields, strictComplaints } from "./duplicate-fields.ts";
export { jsonSyntaxError } from "./json-syntax.ts";
export { nearest } from "./nearest.ts";
export type { QuantityValue } from "./quantity.ts";
export {
  addQuantities,
  canonicalQuantity,
  compareQuantities,
  formatQuantity,
  parseQuantity,
  QuantityError,
  quantityMillis,
  quantityUnits,
  subtractQuantities,
} from "./quantity.ts";
export { isPercentage, scaledAmount } from "./int-or-string.ts";
export {
  configMapKeyErrors,
  dns1035LabelErrors,
  dnsLabelErrors,
  dnsSubdomainErrors,
  dnsSubdomainWithUnderscoreErrors,
  envVarNameErrors,
  httpHeaderErrors,
  labelValueErrors,
  pathSegmentErrors,
  percentErrors,
  portNameErrors,
  portNumberErrors,
  qualifiedNameErrors,
  wildcardDnsErrors,
} from "./names.ts";
export type { IpAddress, IpRange } from "./ip.ts";
export { compareVersions } from "./version-order.ts";
export { containsAddress, parseIp, parseIpRange } from "./ip.ts";
export type { LabelMatcher, Labels } from "./selector/labels.ts";
export { labelMapMatcher, labelSelectorMatcher, parseLabelSelector } from "./selector/labels.ts";
export type { LabelRequirement } from "./selector/label-parser.ts";
export { SelectorError } from "./selector/label-parser.ts";
export type { FieldMatcher, FieldTerm } from "./selector/fields.ts";
export { fieldMatcher, parseFieldSelector } from "./selector/fields.ts";
export { PatchError } from "./patch/patch-error.ts";
export { applyJsonPatch, maximumOperations } from "./patch/json-patch.ts";
export { applyMergePatch, createMergePatch } from "./patch/merge-patch.ts";
export { applyStrategicMerge } from "./patch/strategic-merge.ts";
export { applyFallbacks } from "./fallbacks.ts";
export { age, humanDuration } from "./duration.ts";
export type { WriteInfo } from "./apply/managed-fields.ts";
export { setScaleOwners, takeScaleOwners } from "./apply/scale-owners.ts";
export { typedErrors } from "./apply/typed-errors.ts";
export { applyConfiguration, trackUpdate } from "./apply/managed-fields.ts";
