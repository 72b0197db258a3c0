/** Rules of the versions of a custom resource definition: schemas, subresources, columns, notices. */
import { type DeepReadonly, type FieldError, fieldErrors, jsonEqual } from "@coxswain/apimachinery";
import type {
  CustomResourceColumnDefinition,
  CustomResourceDefinitionSpec,
  CustomResourceDefinitionVersion,
  CustomResourceSubresourceScale,
  JSONSchemaProps,
  SelectableField,
} from "../types.ts";
import { structuralErrors } from "./structural.ts";

const { duplicate, invalid, required, tooMany } = fieldErrors;
type Spec = DeepReadonly<CustomResourceDefinitionSpec>;
type Version = DeepReadonly<CustomResourceDefinitionVersion>;

/** What versions have, and where Kubernetes keeps it when all of them have the same. */
const shared = {
  schema: "spec.validation",
  subresources: "spec.subresources",
  additionalPrinterColumns: "spec.additionalPrinterColumns",
  selectableFields: "spec.selectableFields",
} as const;

/** Of the old definition what is as it was is not looked at again. */
export function versionErrors(spec: Spec, old?: Spec): FieldError[] {
  const errors = spec.versions.flatMap((version, index) => noticeErrors(version, `spec.versions[${index}]`));
  for (const [path, { schema }] of places(spec, "schema", old))
    if (schema?.openAPIV3Schema) errors.push(...structuralErrors(schema.openAPIV3Schema, `${path}.openAPIV3Schema`));
  for (const [path, { subresources }] of places(spec, "subresources", old))
    if (subresources?.scale) errors.push(...scaleErrors(subresources.scale, `${path}.scale`));
  for (const [path, { additionalPrinterColumns = [] }] of places(spec, "additionalPrinterColumns", old))
    for (const [index, column] of additionalPrinterColumns.entries())
      errors.push(...columnErrors(column, `${path}[${index}]`));
  for (const [path, { selectableFields = [], schema }] of places(spec, "selectableFields", old))
    errors.push(...selectableErrors(selectableFields, schema?.openAPIV3Schema ?? {}, path));
  return errors;
}

const mostSelectable = 8;

function selectableErrors(
  fields: readonly DeepReadonly<SelectableField>[],
  schema: DeepReadonly<JSONSchemaProps>,
  path: string,
): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const [index, { jsonPath }] of fields.entries()) {
    const at = `${path}[${index}].jsonPath`;
    const found = jsonPath.startsWith(".") ? fieldAt(schema, jsonPath.slice(1).split(".")) : undefined;
    if (jsonPath === "") errors.push(required(at));
    else if (!jsonPath.startsWith(".")) {
      const token = /^[^.[]+/.exec(jsonPath)?.[0] ?? jsonPath;
      errors.push(invalid(at, jsonPath, `is an invalid path: expected [ or . but got: ${token}`));
    } else if (!found) errors.push(invalid(at, jsonPath, "is an invalid path: does not refer to a valid field"));
    else {
      if (jsonPath.startsWith(".metadata.")) errors.push(invalid(at, jsonPath, "must not point to fields in metadata"));
      if (!["string", "boolean", "integer"].includes(found.type ?? "")) errors.push(invalid(at, jsonPath, selectable));
      if (seen.has(jsonPath)) errors.push(duplicate(at, jsonPath));
      seen.add(jsonPath);
    }
  }
  return seen.size > mostSelectable ? [...errors, tooMany(path, seen.size, mostSelectable)] : errors;
}

const selectable =
  "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.";

/** The schema of a member behind names. */
function fieldAt(
  schema: DeepReadonly<JSONSchemaProps>,
  names: readonly string[],
): DeepReadonly<JSONSchemaProps> | undefined {
  let at: DeepReadonly<JSONSchemaProps> | undefined = schema;
  for (const name of names) at = Object.hasOwn(at?.properties ?? {}, name) ? at?.properties?.[name] : undefined;
  return at;
}

/** Where a member of versions stands, and in which of them. */
function places(
  { versions }: Spec,
  member: keyof typeof shared,
  old?: Spec,
): readonly (readonly [path: string, version: Version])[] {
  const isNew = ({ name, [member]: value }: Version): boolean => {
    const before = old?.versions.find((version) => version.name === name)?.[member];
    return before === undefined || !jsonEqual(before, value);
  };
  const [first] = versions;
  if (first && versions.every((version) => jsonEqual(version[member] ?? null, first[member] ?? null)))
    return versions.some(isNew) ? [[shared[member], first]] : [];
  return versions
    .map((version, index) => [`spec.versions[${index}].${member}`, version] as const)
    .filter(([, version]) => isNew(version));
}

const longestWarning = 256;

function noticeErrors({ deprecated, deprecationWarning: text }: Version, path: string): FieldError[] {
  if (text === undefined || text === null) return [];
  const at = `${path}.deprecationWarning`;
  if (deprecated !== true) return [invalid(at, text, "can only be set for deprecated versions")];
  if (text === "") return [invalid(at, text, "must not be an empty string")];
  if (text.length > longestWarning) return [invalid(at, text, `must be <= ${longestWarning} characters long`)];
  const bad = text.search(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u);
  const words = `must only contain printable UTF-8 characters; non-printable character found at index ${bad}`;
  return bad < 0 ? [] : [invalid(at, text, words)];
}

function scaleErrors(scale: DeepReadonly<CustomResourceSubresourceScale>, path: string): FieldError[] {
  const { specReplicasPath, statusReplicasPath, labelSelectorPath = "" } = scale;
  const demanded = (name: "spec" | "status", value: string): FieldError[] => {
    const at = `${path}.${name}ReplicasPath`;
    if (value === "") return [required(at)];
    const errors = simplePathErrors(value, at);
    if (errors.length > 0 || value.startsWith(`.${name}.`)) return errors;
    return [invalid(at, value, `should be a json path under .${name}`)];
  };
  const errors = [...demanded("spec", specReplicasPath), ...demanded("status", statusReplicasPath)];
  if (labelSelectorPath === "") return errors;
  const at = `${path}.labelSelectorPath`;
  const faults = simplePathErrors(labelSelectorPath, at);
  if (faults.length > 0 || /^\.(?:spec|status)\./.test(labelSelectorPath)) return [...errors, ...faults];
  return [...errors, invalid(at, labelSelectorPath, "should be a json path under either .spec or .status")];
}

function simplePathErrors(path: string, at: string): FieldError[] {
  return path.startsWith(".") ? [] : [invalid(at, path, "must be a simple json path starting with .")];
}

const columnTypes = ["boolean", "date", "integer", "number", "string"];
const columnFormats = ["byte", "date", "date-time", "double", "float", "int32", "int64", "password"];

function columnErrors(column: DeepReadonly<CustomResourceColumnDefinition>, path: string): FieldError[] {
  const { name, type, format = "", jsonPath } = column;
  const errors: FieldError[] = [];
  if (name === "") errors.push(required(`${path}.name`));
  const words = `must be one of ${columnTypes.join(",")}`;
  if (type === "") errors.push(required(`${path}.type`, words));
  else if (!columnTypes.includes(type)) errors.push(invalid(`${path}.type`, type, words));
  if (format !== "" && !columnFormats.includes(format))
    errors.push(invalid(`${path}.format`, format, `must be one of ${columnFormats.join(",")}`));
  if (jsonPath === "") errors.push(required(`${path}.JSONPath`));
  else errors.push(...simplePathErrors(jsonPath, `${path}.JSONPath`));
  return errors;
}
