// Objects with and without a finalizer. The same object comes back when nothing changes.
import type { ApiObject, DeepReadonly } from "@coxswain/apimachinery";

export function withFinalizer<T extends DeepReadonly<ApiObject>>(object: T, finalizer: string): T {
  const finalizers = object.metadata.finalizers ?? [];
  if (finalizers.includes(finalizer)) return object;
  return { ...object, metadata: { ...object.metadata, finalizers: [...finalizers, finalizer] } };
}

export function withoutFinalizer<T extends DeepReadonly<ApiObject>>(object: T, finalizer: string): T {
  const finalizers = object.metadata.finalizers ?? [];
  if (!finalizers.includes(finalizer)) return object;
  return {
    ...object,
    metadata: { ...object.metadata, finalizers: finalizers.filter((other) => other !== finalizer) },
  };
}
