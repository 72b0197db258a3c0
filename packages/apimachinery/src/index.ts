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
export type { GroupResource, Status, StatusCause, StatusDetails, StatusReason } from "./status.ts";
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
export type { FieldError, FieldErrorType } from "./field-error.ts";
export { aggregateText, causeOf, fieldErrorBody, fieldErrors, fieldErrorText } from "./field-error.ts";
