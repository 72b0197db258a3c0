/**
 * The metadata that every kind shares, as it looks in JSON (meta/v1). It says what objects look like; it does not know a single kind, and
 * nothing here exists at run time. Names follow Kubernetes; whatever Kubernetes leaves out of JSON when empty is optional here, except the
 * two members nobody wants to ask for twice: `metadata` itself and `metadata.name` (an empty name means "generate one").
 */

/** RFC 3339 in seconds, such as "2026-01-31T12:00:00Z". */
export type Time = string;
/** RFC 3339 with six digits of a second. */
export type MicroTime = string;
/** A number with a unit, such as "250m" or "64Mi"; see quantity.ts. */
export type Quantity = string;
/** A port or share: a number, or a name or percentage; see int-or-string.ts. */
export type IntOrString = number | string;
/** Any JSON value that an object carries without knowing its shape. */
export type RawExtension = unknown;

/** Names the type of an object. */
export interface TypeMeta {
  apiVersion: string;
  kind: string;
}

/** What identifies an object and says who made, owns and labels it. */
export interface ObjectMeta {
  name: string;
  generateName?: string | undefined;
  namespace?: string | undefined;
  selfLink?: string | undefined;
  uid?: string | undefined;
  resourceVersion?: string | undefined;
  generation?: number | undefined;
  creationTimestamp?: Time | null | undefined;
  deletionTimestamp?: Time | undefined;
  deletionGracePeriodSeconds?: number | undefined;
  labels?: Record<string, string> | undefined;
  annotations?: Record<string, string> | undefined;
  ownerReferences?: OwnerReference[] | undefined;
  finalizers?: string[] | undefined;
  managedFields?: ManagedFieldsEntry[] | undefined;
}

/** The metadata of a template: it has no name of its own. */
export type TemplateMeta = Partial<ObjectMeta>;

/** Points from an object to the one it lives and dies with. */
export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean | undefined;
  blockOwnerDeletion?: boolean | undefined;
}

/** Which fields one manager has set, and when. */
export interface ManagedFieldsEntry {
  manager?: string | undefined;
  operation?: "Apply" | "Update" | undefined;
  apiVersion?: string | undefined;
  time?: Time | undefined;
  fieldsType?: string | undefined;
  fieldsV1?: FieldsV1 | undefined;
  subresource?: string | undefined;
}

/** A set of field paths as nested keys: `f:name`, `k:{...}`, `v:...`, `i:0` and `.` for the field itself. */
export interface FieldsV1 {
  [key: string]: FieldsV1;
}

/** The metadata of a list: the revision it shows, and how to go on. */
export interface ListMeta {
  selfLink?: string | undefined;
  resourceVersion?: string | undefined;
  continue?: string | undefined;
  remainingItemCount?: number | undefined;
}

/** Chooses objects by their labels; absent parts match everything. */
export interface LabelSelector {
  matchLabels?: Record<string, string> | undefined;
  matchExpressions?: LabelSelectorRequirement[] | undefined;
}

export interface LabelSelectorRequirement {
  key: string;
  operator: "In" | "NotIn" | "Exists" | "DoesNotExist";
  values?: string[] | undefined;
}

/** One observed aspect of an object's state. */
export interface Condition {
  type: string;
  status: "True" | "False" | "Unknown";
  observedGeneration?: number | undefined;
  lastTransitionTime: Time;
  reason: string;
  message: string;
}

/** What must still be true when an operation happens. */
export interface Preconditions {
  uid?: string | undefined;
  resourceVersion?: string | undefined;
}

/** The body of a delete. */
export interface DeleteOptions {
  apiVersion?: string | undefined;
  kind?: string | undefined;
  gracePeriodSeconds?: number | undefined;
  preconditions?: Preconditions | undefined;
  orphanDependents?: boolean | undefined;
  propagationPolicy?: DeletionPropagation | undefined;
  dryRun?: string[] | undefined;
}

export type DeletionPropagation = "Orphan" | "Background" | "Foreground";

export interface GroupVersionKind {
  group: string;
  version: string;
  kind: string;
}

export interface GroupVersionResource {
  group: string;
  version: string;
  resource: string;
}

export interface FieldSelectorRequirement {
  key: string;
  operator: "In" | "NotIn" | "Exists" | "DoesNotExist";
  values?: string[] | undefined;
}
