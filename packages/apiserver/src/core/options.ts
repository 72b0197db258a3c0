// The options of a request: its query, and for DELETE also its body. Bad values are refused in Kubernetes' words.
import {
  fieldErrors,
  fieldErrorText,
  fieldMatcher,
  parseFieldSelector,
  parseLabelSelector,
  SelectorError,
  StatusError,
  statuses,
} from "@coxswain/apimachinery";
import type { DeleteOptions, FieldError, FieldMatcher, LabelMatcher } from "@coxswain/apimachinery";
import type { FieldValidation } from "./body/decode-body.ts";
import type { Kind } from "./registry/kind.ts";
import { isTrue } from "./request-info.ts";

export interface WriteOptions {
  readonly dryRun: boolean;
  readonly fieldManager: string;
  readonly fieldValidation: FieldValidation;
  readonly force: boolean;
  /** The object comes with its managed fields made. */
  readonly isApply?: boolean;
}

/** The options as admission is shown them: a patch becomes one of the other two. */
export function shownOptions(kind: "CreateOptions" | "UpdateOptions", options: WriteOptions): object {
  const { dryRun, fieldManager, fieldValidation } = options;
  return {
    kind,
    apiVersion: "meta.k8s.io/v1",
    ...(dryRun && { dryRun: ["All"] }),
    ...(fieldManager !== "" && { fieldManager }),
    ...(fieldValidation !== "Warn" && { fieldValidation }),
  };
}

/** The same for a deletion. */
export function shownDeleteOptions({ isDryRun: _isDryRun, ...options }: ReadDeleteOptions): object {
  return { kind: "DeleteOptions", apiVersion: "meta.k8s.io/v1", ...options };
}

/**
 * `kind` is the name of the options type in messages: CreateOptions, UpdateOptions, PatchOptions. `isMerge`: of a patch that is not an apply, which
 * cannot be forced.
 */
export function readWriteOptions(query: URLSearchParams, kind: string, isMerge = false): WriteOptions {
  const errors: FieldError[] = [];
  if (isMerge && query.has("force"))
    errors.push(fieldErrors.forbidden("force", "may not be specified for non-apply patch"));
  const fieldManager = query.get("fieldManager") ?? "";
  errors.push(...fieldManagerErrors(fieldManager));
  const dryRun = readDryRun(query.getAll("dryRun"), errors);
  const fieldValidation = query.get("fieldValidation") || "Warn";
  if (!isFieldValidation(fieldValidation))
    errors.push(fieldErrors.notSupported("fieldValidation", fieldValidation, ["", "Ignore", "Strict", "Warn"]));
  if (errors.length > 0) throw new StatusError(statuses.invalid({ group: "meta.k8s.io", kind }, "", errors));
  return {
    dryRun,
    fieldManager,
    fieldValidation: fieldValidation as FieldValidation,
    force: isTrue(query.get("force")),
  };
}

const printable = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

function fieldManagerErrors(name: string): FieldError[] {
  const errors: FieldError[] = [];
  if (Buffer.byteLength(name) > 128) errors.push(fieldErrors.tooLong("fieldManager", name, 128));
  let at = 0;
  for (const character of name) {
    const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
    if (!printable.test(character))
      errors.push(fieldErrors.invalid("fieldManager", name, `invalid character U+${code} (at position ${at})`));
    at += Buffer.byteLength(character);
  }
  return errors;
}

function isFieldValidation(text: string): text is FieldValidation {
  return text === "Ignore" || text === "Warn" || text === "Strict";
}

function readDryRun(values: readonly string[], errors: FieldError[]): boolean {
  if (values.some((value) => value !== "All")) errors.push(fieldErrors.notSupported("dryRun", values, ["All"]));
  return values.length > 0;
}

export interface ReadDeleteOptions extends DeleteOptions {
  readonly isDryRun: boolean;
}

/** With a body the query is not read, as in Kubernetes. */
export function readDeleteOptions(query: URLSearchParams, body: DeleteOptions | undefined): ReadDeleteOptions {
  const errors: FieldError[] = [];
  const options = body ?? deleteOptionsOf(query);
  const policy = options.propagationPolicy;
  if (policy !== undefined && options.orphanDependents !== undefined) {
    errors.push(
      fieldErrors.invalid("propagationPolicy", policy, "orphanDependents and deletionPropagation cannot be both set"),
    );
  }
  if (policy !== undefined && !["Foreground", "Background", "Orphan"].includes(policy)) {
    errors.push(fieldErrors.notSupported("propagationPolicy", policy, ["Foreground", "Background", "Orphan", "nil"]));
  }
  const isDryRun = readDryRun(options.dryRun ?? [], errors);
  if (errors.length > 0)
    throw new StatusError(statuses.invalid({ group: "meta.k8s.io", kind: "DeleteOptions" }, "", errors));
  return { ...options, isDryRun };
}

function deleteOptionsOf(query: URLSearchParams): DeleteOptions {
  const grace = query.get("gracePeriodSeconds");
  if (grace !== null && !/^-?\d+$/.test(grace))
    throw new StatusError(statuses.badRequest(`strconv.ParseInt: parsing ${JSON.stringify(grace)}: invalid syntax`));
  const uid = query.get("uid") ?? "";
  const resourceVersion = query.get("resourceVersion") ?? "";
  return {
    ...(grace !== null && { gracePeriodSeconds: Number(grace) }),
    ...(query.has("propagationPolicy") && {
      propagationPolicy: query.get("propagationPolicy") as NonNullable<DeleteOptions["propagationPolicy"]>,
    }),
    ...(query.has("orphanDependents") && { orphanDependents: isTrue(query.get("orphanDependents")) }),
    ...(query.has("dryRun") && { dryRun: query.getAll("dryRun") }),
    ...(uid + resourceVersion !== "" && {
      preconditions: { ...(uid !== "" && { uid }), ...(resourceVersion !== "" && { resourceVersion }) },
    }),
  };
}

export interface ListOptions {
  readonly labels: LabelMatcher;
  readonly fields: FieldMatcher;
  readonly resourceVersion: string;
  readonly resourceVersionMatch: string;
  readonly limit: number;
  readonly continueToken: string;
  readonly timeoutSeconds: number | undefined;
  readonly allowWatchBookmarks: boolean;
  readonly sendInitialEvents: boolean | undefined;
}

export function readListOptions(query: URLSearchParams, kind: Kind, isWatch: boolean): ListOptions {
  const { labels, fields } = readSelectors(query, kind);
  const resourceVersion = query.get("resourceVersion") ?? "";
  const sendInitialEvents = query.get("sendInitialEvents");
  const match = query.get("resourceVersionMatch") ?? "";
  // A watch from nowhere is one that begins with what there is, whether or not it says so: it is told where that ends.
  const fromNowhere =
    isWatch && sendInitialEvents === null && match === "" && (resourceVersion === "" || resourceVersion === "0");
  const resourceVersionMatch = fromNowhere ? "NotOlderThan" : match;
  const continueToken = query.get("continue") ?? "";
  const options = {
    labels,
    fields,
    resourceVersion,
    resourceVersionMatch,
    continueToken,
    limit: readCount(query, "limit") ?? 0,
    timeoutSeconds: readCount(query, "timeoutSeconds"),
    allowWatchBookmarks: isTrue(query.get("allowWatchBookmarks")),
    sendInitialEvents: fromNowhere || (sendInitialEvents === null ? undefined : isTrue(sendInitialEvents)),
  };
  const errors = checkVersionMatch(options, isWatch);
  if (errors.length > 0)
    throw new StatusError(statuses.invalid({ group: "meta.k8s.io", kind: "ListOptions" }, "", errors));
  return options;
}

/** Kubernetes' ValidateListOptions: every complaint, in its order. */
function checkVersionMatch(options: ListOptions, isWatch: boolean): FieldError[] {
  const { resourceVersion, resourceVersionMatch: match, sendInitialEvents, continueToken } = options;
  const at = "resourceVersionMatch";
  const errors: FieldError[] = [];
  if (isWatch) {
    if (sendInitialEvents !== undefined && match !== "NotOlderThan")
      errors.push(fieldErrors.forbidden(at, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"));
    if (match === "") return errors;
    if (sendInitialEvents === undefined)
      errors.push(
        fieldErrors.forbidden(at, "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"),
      );
    if (match !== "NotOlderThan") errors.push(fieldErrors.notSupported(at, match, ["NotOlderThan"]));
    if (continueToken !== "")
      errors.push(fieldErrors.forbidden(at, "resourceVersionMatch is forbidden when continue is provided"));
    return errors;
  }
  if (match !== "") {
    if (resourceVersion === "")
      errors.push(fieldErrors.forbidden(at, "resourceVersionMatch is forbidden unless resourceVersion is provided"));
    if (continueToken !== "")
      errors.push(fieldErrors.forbidden(at, "resourceVersionMatch is forbidden when continue is provided"));
    if (match !== "Exact" && match !== "NotOlderThan")
      errors.push(fieldErrors.notSupported(at, match, ["Exact", "NotOlderThan", ""]));
    if (match === "Exact" && resourceVersion === "0")
      errors.push(fieldErrors.forbidden(at, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'));
  }
  if (sendInitialEvents !== undefined)
    errors.push(fieldErrors.forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"));
  return errors;
}

function readCount(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === "") return undefined;
  if (!/^-?\d+$/.test(text))
    throw new StatusError(statuses.badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`));
  return Math.max(0, Number(text));
}

/** A resourceVersion as a revision; "" is undefined. Throws 400. */
export function readRevision(text: string): number | undefined {
  if (text === "") return undefined;
  const error = revisionError(text);
  if (error) throw new StatusError(statuses.badRequest(`invalid resource version: ${fieldErrorText(error)}`));
  return Number(text);
}

/** The same for a watch, which answers 422. */
export function readWatchRevision(text: string, kind: Kind): number | undefined {
  if (text === "") return undefined;
  const error = revisionError(text);
  if (error) throw new StatusError(statuses.invalid({ group: kind.group, kind: kind.resource }, "", [error]));
  return Number(text);
}

function revisionError(text: string): FieldError | undefined {
  const isNumber = /^\d+$/.test(text);
  if (isNumber && Number.isSafeInteger(Number(text))) return undefined;
  const why = isNumber ? "value out of range" : "invalid syntax";
  return fieldErrors.invalid("resourceVersion", text, `strconv.ParseUint: parsing ${JSON.stringify(text)}: ${why}`);
}

export function readSelectors(query: URLSearchParams, kind: Kind): { labels: LabelMatcher; fields: FieldMatcher } {
  try {
    const labels = parseLabelSelector(query.get("labelSelector") ?? "");
    const fields = parseFieldSelector(query.get("fieldSelector") ?? "");
    for (const { field } of fields.terms) {
      const error = kind.rules.fieldLabelError(field);
      if (error !== undefined) throw new SelectorError(error);
    }
    return {
      labels,
      fields: fieldMatcher(fields.terms.map((term) => ({ ...term, field: kind.rules.keptFieldLabel(term.field) }))),
    };
  } catch (error) {
    if (error instanceof SelectorError) throw new StatusError(statuses.badRequest(error.message), { cause: error });
    throw error;
  }
}
