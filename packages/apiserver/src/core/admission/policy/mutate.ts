// One mutation of a MutatingAdmissionPolicy: what its expression makes, put into the object. After apiserver's `policy/mutating/patch`.
import type { Mutation } from "@coxswain/api/admissionregistration/v1";
import type { ApiObject, DeepReadonly, JsonObject, StructSchema } from "@coxswain/apimachinery";
import { applyConfiguration, applyJsonPatch, isJsonObject } from "@coxswain/apimachinery";
import type { Language } from "../../cel/lazily.ts";

/** A mutation that cannot be carried out; the message is for the client. */
export class MutationError extends Error {
  override readonly name = "MutationError";
}

/** The object with the mutation, not yet decoded. `run` evaluates an expression. */
export function mutated(
  language: Language,
  mutation: DeepReadonly<Mutation>,
  object: ApiObject,
  schema: StructSchema,
  run: (expression: string) => unknown,
): unknown {
  const expression = (mutation.jsonPatch ?? mutation.applyConfiguration)?.expression ?? "";
  try {
    const made = language.plainValue(run(expression));
    return mutation.patchType === "JSONPatch" ? patched(object, made) : applied(object, made, schema);
  } catch (error) {
    if (error instanceof language.CelError && error.isOutOfBudget) throw error;
    if (error instanceof language.CelError)
      throw new MutationError(`expression '${expression}' resulted in error: ${error.message}`, { cause: error });
    if (error instanceof Error) throw new MutationError(error.message, { cause: error });
    throw error;
  }
}

function patched(object: ApiObject, operations: unknown): unknown {
  try {
    return applyJsonPatch(object, operations);
  } catch (cause) {
    throw new Error(`JSON Patch: ${(cause as Error).message}`, { cause });
  }
}

/** Merged as server-side apply merges, and nobody comes to own anything by it. */
function applied(object: ApiObject, made: unknown, schema: StructSchema): unknown {
  if (!isJsonObject(made)) throw new Error("unexpected type returned from ApplyConfiguration expression");
  const { apiVersion, kind, metadata } = object;
  const own = isJsonObject(made["metadata"]) ? made["metadata"] : {};
  const { managedFields, ...kept } = metadata;
  const config = { ...made, apiVersion, kind, metadata: { ...own, name: metadata.name } } as ApiObject & JsonObject;
  const live = { ...object, metadata: kept } as ApiObject & JsonObject;
  const write = { manager: "admission-policy", apiVersion, time: "1970-01-01T00:00:00Z", force: true };
  const merged = applyConfiguration(schema, live, config, write);
  const result = merged["metadata"] as Record<string, unknown>;
  if (managedFields) result["managedFields"] = managedFields;
  else delete result["managedFields"];
  return merged;
}
