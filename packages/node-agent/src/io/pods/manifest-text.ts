// The text of a manifest, YAML or JSON, as a value. Its scalars are read as kubectl reads them where it matters: an octal
// mode is octal, yes is true. It does not know what a pod is.
import { CORE_SCHEMA, defineScalarTag, loadAll, NOT_RESOLVED, YAMLException } from "js-yaml";

const octalTag = defineScalarTag<number>("tag:yaml.org,2002:int", {
  implicit: true,
  identify: () => false,
  implicitFirstChars: [..."+-0123456789"],
  resolve(text: string) {
    if (/^0[0-7]+$/.test(text)) return Number.parseInt(text, 8);
    return /^[+-]?(0|[1-9][0-9]*|0x[0-9a-fA-F]+|0o[0-7]+)$/.test(text) ? Number(text) : NOT_RESOLVED;
  },
});

const truths: Readonly<Record<string, boolean>> = {
  yes: true,
  on: true,
  true: true,
  no: false,
  off: false,
  false: false,
};
const boolTag = defineScalarTag("tag:yaml.org,2002:bool", {
  implicit: true,
  identify: () => false,
  implicitFirstChars: [..."yYnNoOtTfF"],
  resolve: (text: string) =>
    /^([a-z]+|[A-Z][a-z]*|[A-Z]+)$/.test(text) ? (truths[text.toLowerCase()] ?? NOT_RESOLVED) : NOT_RESOLVED,
});

const schema = CORE_SCHEMA.withTags(octalTag, boolTag);

/** A manifest of more than this is refused. */
export const mostManifestBytes = 1 << 20;

export function manifestDocuments(
  text: string,
): { readonly documents: readonly unknown[] } | { readonly error: string } {
  if (text.length > mostManifestBytes) return { error: `the manifest has more than ${mostManifestBytes} bytes` };
  try {
    return { documents: loadAll(text, { schema }).filter((document) => document !== null && document !== undefined) };
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    const line = error.mark?.line;
    return { error: line === undefined ? error.reason : `line ${line + 1}: ${error.reason}` };
  }
}
