// `configurations` of a kustomization: further places for what it changes, in kinds that only its author knows.
import { readFileSync } from "node:fs";
import { CommandError } from "../failure.ts";
import { isRecord } from "../resource/manifests.ts";
import { decodeYaml } from "../resource/yaml.ts";
import { atSpec } from "./fields.ts";
import { newName, through } from "./resource.ts";
import type { Res } from "./resource.ts";
import { newImage } from "./transform.ts";
import type { FieldSpec, Kustomization } from "./types.ts";

export interface NameReference {
  readonly kind: string;
  readonly fieldSpecs: readonly FieldSpec[];
}

interface Configuration {
  readonly nameReference: readonly NameReference[];
  readonly images: readonly FieldSpec[];
  readonly replicas: readonly FieldSpec[];
  readonly commonLabels: readonly FieldSpec[];
  readonly commonAnnotations: readonly FieldSpec[];
  readonly namespace: readonly FieldSpec[];
}

const empty: Configuration = {
  nameReference: [],
  images: [],
  replicas: [],
  commonLabels: [],
  commonAnnotations: [],
  namespace: [],
};
/** Vars are looked for everywhere: a place for them need not be named. */
const needless = ["varReference"];

export function readConfiguration(files: readonly string[]): Configuration {
  const merged: Record<string, unknown[]> = {};
  for (const file of files) {
    const value = decodeYaml(readFileSync(file, "utf8"));
    if (!isRecord(value)) throw new CommandError(`${file}: a configuration of kustomize is expected`);
    for (const [name, list] of Object.entries(value)) {
      if (needless.includes(name)) continue;
      if (!(name in empty) || !Array.isArray(list))
        throw new CommandError(
          `${file}: ${name}: cox's kustomize knows ${Object.keys(empty).join(", ")} in configurations`,
        );
      merged[name] = [...(merged[name] ?? []), ...(list as unknown[])];
    }
  }
  return { ...empty, ...(merged as Partial<Configuration>) };
}

export function configured(list: readonly Res[], kustomization: Kustomization, configuration: Configuration): Res[] {
  const { images = [], replicas = [], commonLabels, commonAnnotations, namespace } = kustomization;
  const merge = (pairs: Readonly<Record<string, string>> | undefined) => (old: unknown) =>
    pairs === undefined ? old : { ...(old as object | undefined), ...pairs };
  return list.flatMap((res) =>
    through([res], ([only]) => {
      let object = only!;
      for (const spec of configuration.images)
        object = atSpec(object, spec, (old) => (typeof old === "string" ? newImage(old, images) : old));
      for (const spec of configuration.replicas)
        object = atSpec(
          object,
          spec,
          (old) => replicas.find(({ name }) => res.former.some((id) => id.name === name))?.count ?? old,
        );
      for (const spec of configuration.commonLabels) object = atSpec(object, spec, merge(commonLabels));
      for (const spec of configuration.commonAnnotations) object = atSpec(object, spec, merge(commonAnnotations));
      for (const spec of configuration.namespace) object = atSpec(object, spec, (old) => namespace ?? old);
      return [object];
    }),
  );
}

/** Last of all, when every name is as it will be. */
export function withNameReferences(list: readonly Res[], references: readonly NameReference[]): Res[] {
  const specs = references.flatMap(({ kind, fieldSpecs }) => fieldSpecs.map((spec) => ({ kind, spec })));
  return through(list, (objects) =>
    objects.map((object) =>
      specs.reduce(
        (now, { kind, spec }) => atSpec(now, spec, (old) => (typeof old === "string" ? newName(list, kind, old) : old)),
        object,
      ),
    ),
  );
}
