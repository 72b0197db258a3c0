// What is particular to a kind wherever objects are read, written and shown: the scheme's rules for built-in kinds, the definition's for
// custom ones (`core/custom`). The verbs ask here and need not know which.
import {
  defaultObject,
  fieldLabelError,
  keptFieldLabel,
  kindWarnings,
  objectWarnings,
  tablePrinter,
} from "@coxswain/api";
import { validateCreate, validateUpdate } from "@coxswain/api";
import type { ApiObject, FieldError, StructSchema } from "@coxswain/apimachinery";
import type { FieldValidation, ParsedBody } from "../body/decode-body.ts";
import { decodeObject } from "../body/decode-body.ts";
import { expressionErrors, hasExpressions } from "../admission/expressions.ts";
import { loadLanguage } from "../cel/lazily.ts";
import { formatWarnings, schemaErrors } from "../custom/definition-check.ts";
import { definitionHasRules, ruleErrors } from "../custom/rule-check.ts";
import type { GroupVersionKind } from "../request.ts";

export interface KindRules {
  /** Throws 400 for what is not of the kind. */
  decode(parsed: ParsedBody, validation: FieldValidation, warn: (text: string) => void): ApiObject;
  /** In place. */
  setDefaults(object: ApiObject): void;
  /** To be awaited before an object is validated, when it answers something. */
  readonly prepare?: (object: ApiObject) => Promise<unknown> | undefined;
  validateCreate(object: ApiObject): readonly FieldError[];
  validateUpdate(object: ApiObject, old: ApiObject, subresource: string): readonly FieldError[];
  /** Said of an object that is accepted. */
  warnings(object: ApiObject, old?: ApiObject): readonly string[];
  /** Said of every request for the kind. */
  readonly notices: readonly string[];
  /** What is wrong with a field selector of this field. */
  fieldLabelError(field: string): string | undefined;
  /** By which name the fields of what is kept are found. */
  keptFieldLabel(field: string): string;
  readonly table: KindTable;
  /** The kind of a list, and whether its items name their own kind. */
  readonly listKind: string;
  readonly namesItems: boolean;
  /** The definition's schema, for the documents; undefined for built-in kinds. */
  readonly openApi?: Readonly<Record<string, unknown>>;
  /** Whether a strategic merge patch has rules to go by. */
  readonly mergesStrategically: boolean;
  /** Where /scale finds its numbers; undefined: where the built-in kinds have them. */
  readonly scale?: ScalePaths;
}

export interface ScalePaths {
  readonly specReplicasPath: string;
  readonly statusReplicasPath: string;
  readonly labelSelectorPath?: string | undefined;
}

export interface KindTable {
  readonly columns: readonly object[];
  cells(object: ApiObject, nowMs: number): readonly unknown[];
  conditions?(object: ApiObject): readonly object[];
}

export function builtInRules(type: GroupVersionKind, schema: () => StructSchema): KindRules {
  return {
    decode: (parsed, validation, warn) => decodeObject(parsed, type, schema(), validation, warn),
    setDefaults: (object) => void defaultObject(type, object),
    prepare: (object) => (definitionHasRules(object) || hasExpressions(object) ? loadLanguage() : undefined),
    validateCreate: (object) => [...validateCreate(type, object), ...furtherErrors(type, object)],
    validateUpdate: (object, old, subresource) => [
      ...validateUpdate(type, object, old, subresource),
      ...(subresource === "" ? furtherErrors(type, object, old) : []),
    ],
    warnings:
      type.kind === "CustomResourceDefinition" ? formatWarnings : (object, old) => objectWarnings(type, object, old),
    notices: kindWarnings(type),
    fieldLabelError: (field) => fieldLabelError(type, field),
    keptFieldLabel: (field) => keptFieldLabel(type, field),
    table: tablePrinter(type),
    listKind: `${type.kind}List`,
    namesItems: false,
    mergesStrategically: true,
  };
}

/** What only the server can judge: whether it can carry out the rules of a definition, and the expressions of admission. */
function furtherErrors({ group, kind }: GroupVersionKind, object: ApiObject, old?: ApiObject): readonly FieldError[] {
  if (kind === "CustomResourceDefinition") return [...schemaErrors(object, old), ...ruleErrors(object, old)];
  return group === "admissionregistration.k8s.io" ? expressionErrors(object, old) : [];
}
