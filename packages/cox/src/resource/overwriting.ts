// `apply --overwrite=false`: refuses a patch where somebody else has changed the same field since the last apply.
import { isJsonObject, jsonEqual } from "@coxswain/apimachinery";
import type { JsonObject, Schema } from "@coxswain/apimachinery";
import { CommandError } from "../failure.ts";
import { formatYaml } from "../print/yaml.ts";
import { lastAppliedAnnotation } from "./last-applied.ts";
import { threeWayPatch } from "./three-way.ts";

/** `original` is what was applied the last time, `patch` what this apply would send. */
export function refuseOverwriting(
  original: JsonObject,
  current: JsonObject,
  patch: JsonObject,
  schema: Schema | undefined,
): void {
  const changed = threeWayPatch(original, withoutNote(current), original, schema);
  const wanted = withoutNote(patch);
  if (conflict(wanted, changed, schema))
    throw new CommandError(
      `conflict between the patch and changes made since the last apply\npatch:\n${formatYaml(wanted)}\nconflicts with changes made from original to current:\n${formatYaml(changed)}`,
    );
}

/** The annotation in which `apply` remembers is its own business. */
function withoutNote(object: JsonObject): JsonObject {
  const { metadata } = object;
  if (!isJsonObject(metadata) || !isJsonObject(metadata["annotations"])) return object;
  const { [lastAppliedAnnotation]: _note, ...annotations } = metadata["annotations"];
  const { annotations: _all, ...rest } = metadata;
  return { ...object, metadata: Object.keys(annotations).length === 0 ? rest : { ...rest, annotations } };
}

/** Two patches that want different values of one field; items of lists are the same by their merge key. */
function conflict(left: unknown, right: unknown, schema: Schema | undefined): boolean {
  if (isJsonObject(left) && isJsonObject(right)) {
    if (left["$patch"] !== right["$patch"]) return true;
    return Object.keys(left).some((key) => {
      if (key.startsWith("$") || !Object.hasOwn(right, key)) return false;
      const field = schema?.type === "struct" ? schema.fields.get(key) : undefined;
      const [one, other] = [left[key], right[key]];
      const merges = field?.patchStrategies.includes("merge") === true && field.patchMergeKey !== undefined;
      if (!merges || !Array.isArray(one) || !Array.isArray(other))
        return conflict(one, other, field?.schema ?? (schema?.type === "map" ? schema.values : undefined));
      const mergeKey = field.patchMergeKey ?? "";
      const items = field.schema.type === "list" ? field.schema.items : undefined;
      return one.some((item) => {
        const same = other.find(
          (each) => isJsonObject(each) && isJsonObject(item) && jsonEqual(each[mergeKey], item[mergeKey]),
        ) as unknown;
        return same !== undefined && conflict(item, same, items);
      });
    });
  }
  return !jsonEqual(left, right);
}
