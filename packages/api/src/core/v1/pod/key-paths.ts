/** Validation of the items of configMap and secret volumes: which key becomes which file. */
import type { DeepReadonly, FieldError } from "@coxswain/apimachinery";
import { fileMode, ownPath } from "../../../validation/paths.ts";
import { present } from "../../../validation/values.ts";
import type { KeyToPath } from "../types.ts";

export function keyPaths(items: readonly DeepReadonly<KeyToPath>[] | undefined, path: string): FieldError[] {
  return (items ?? []).flatMap((item, index) => keyPath(item, `${path}[${index}]`));
}

export function keyPath(item: DeepReadonly<KeyToPath>, path: string): FieldError[] {
  return [
    ...present(item.key, `${path}.key`),
    ...present(item.path, `${path}.path`),
    ...ownPath(item.path, `${path}.path`),
    ...fileMode(item.mode, `${path}.mode`),
  ];
}
