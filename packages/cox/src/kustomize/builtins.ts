// The transformers and generators that kustomize has built in, written as configurations of their own: each is a piece of a kustomization.
import { CommandError } from "../failure.ts";
import type { Obj } from "../resource/api.ts";
import type { FieldSpec, Kustomization } from "./types.ts";

/** Refuses what would run a program. */
export function pieceOf(configuration: Obj): Kustomization {
  const { apiVersion, kind, metadata, ...rest } = configuration;
  if (apiVersion !== "builtin")
    throw new CommandError(
      `${kind} ${metadata.name}: cox runs no plugins of kustomize; those built in have apiVersion: builtin`,
    );
  const text = (name: string): string => String((rest[name] ?? "") as string);
  const map = (name: string): Readonly<Record<string, string>> => (rest[name] ?? {}) as Record<string, string>;
  const fields = (rest["fieldSpecs"] ?? []) as readonly FieldSpec[];
  switch (kind) {
    case "PrefixTransformer":
      return { namePrefix: text("prefix") };
    case "SuffixTransformer":
      return { nameSuffix: text("suffix") };
    case "PrefixSuffixTransformer":
      return { namePrefix: text("prefix"), nameSuffix: text("suffix") };
    case "NamespaceTransformer":
      return { namespace: metadata.namespace ?? text("namespace") };
    case "LabelTransformer":
      return { labels: [{ pairs: map("labels"), fields: fields.filter(({ path }) => path !== "metadata/labels") }] };
    case "AnnotationsTransformer":
      return { commonAnnotations: map("annotations") };
    case "ImageTagTransformer":
      return { images: [rest["imageTag"]] as NonNullable<Kustomization["images"]> };
    case "ReplicaCountTransformer":
      return { replicas: [rest["replica"]] as NonNullable<Kustomization["replicas"]> };
    case "PatchTransformer":
      return { patches: [rest as NonNullable<Kustomization["patches"]>[number]] };
    case "PatchJson6902Transformer":
      return {
        patchesJson6902: [
          { ...rest, patch: text("jsonOp") || text("patch") } as NonNullable<Kustomization["patches"]>[number],
        ],
      };
    case "PatchStrategicMergeTransformer":
      return {
        patchesStrategicMerge: [
          ...((rest["paths"] ?? []) as readonly string[]),
          ...(text("patches") === "" ? [] : [text("patches")]),
        ],
      };
    case "ReplacementTransformer":
      return { replacements: (rest["replacements"] ?? []) as NonNullable<Kustomization["replacements"]> };
    case "ConfigMapGenerator":
      return { configMapGenerator: [{ ...rest, name: metadata.name }] };
    case "SecretGenerator":
      return { secretGenerator: [{ ...rest, name: metadata.name }] };
    default:
      throw new CommandError(`${kind} ${metadata.name}: no such builtin of kustomize is known to cox`);
  }
}
