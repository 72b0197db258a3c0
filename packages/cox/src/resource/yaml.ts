// YAML as Kubernetes' clients read it: scalars that are neither YAML 1.1's nor 1.2's, dates that stay texts.
// The only importer of js-yaml in the command line.
import { defineScalarTag, FAILSAFE_SCHEMA, loadAll, mergeTag, NOT_RESOLVED, YAMLException } from "js-yaml";

const nullTag = defineScalarTag("tag:yaml.org,2002:null", {
  implicit: true,
  identify: () => false,
  implicitFirstChars: ["", "~", "n", "N"],
  resolve: (text: string) => (["", "~", "null", "Null", "NULL"].includes(text) ? null : NOT_RESOLVED),
});

const boolTag = defineScalarTag("tag:yaml.org,2002:bool", {
  implicit: true,
  identify: () => false,
  implicitFirstChars: [..."yYnNoOtTfF"],
  resolve: (text: string) => {
    if (/^(y|Y|yes|Yes|YES|on|On|ON|true|True|TRUE)$/.test(text)) return true;
    return /^(n|N|no|No|NO|off|Off|OFF|false|False|FALSE)$/.test(text) ? false : NOT_RESOLVED;
  },
});

/** As YAML 1.2 has it, and kustomize reads resources: "y" and "on" are texts. */
const newBoolTag = defineScalarTag("tag:yaml.org,2002:bool", {
  implicit: true,
  identify: () => false,
  implicitFirstChars: [..."tTfF"],
  resolve: (text: string) =>
    /^(true|True|TRUE)$/.test(text) ? true : /^(false|False|FALSE)$/.test(text) ? false : NOT_RESOLVED,
});

const intTag = defineScalarTag<number>("tag:yaml.org,2002:int", {
  implicit: true,
  identify: () => false,
  implicitFirstChars: [..."+-0123456789"],
  resolve(text: string) {
    const [, sign, digits] = /^([+-]?)(0b[01]+|0o[0-7]+|0x[0-9a-fA-F]+|[0-9]+)$/.exec(text.replaceAll("_", "")) ?? [];
    if (digits === undefined) return NOT_RESOLVED;
    const amount = /^0[0-7]+$/.test(digits) ? parseInt(digits, 8) : Number(digits);
    return sign === "-" ? -amount : amount;
  },
});

const floatTag = defineScalarTag<number>("tag:yaml.org,2002:float", {
  implicit: true,
  identify: () => false,
  implicitFirstChars: [..."+-.0123456789"],
  resolve(text: string) {
    const plain = text.replaceAll("_", "");
    return /^[+-]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/.test(plain) ? Number(plain) : NOT_RESOLVED;
  },
});

// Made when it is needed: most commands read no YAML but the kubeconfig, and starts are short.
let schemas: Record<YamlVersion, ReturnType<typeof FAILSAFE_SCHEMA.withTags>> | undefined;

/** Which words are true and false. */
export type YamlVersion = "1.1" | "1.2";

/** Every document of a text, JSON among them. Throws an Error whose message is one line. */
export function decodeDocuments(text: string, version: YamlVersion = "1.1"): readonly unknown[] {
  try {
    schemas ??= {
      "1.1": FAILSAFE_SCHEMA.withTags(nullTag, boolTag, intTag, floatTag, mergeTag),
      "1.2": FAILSAFE_SCHEMA.withTags(nullTag, newBoolTag, intTag, floatTag, mergeTag),
    };
    return loadAll(text, { schema: schemas[version] });
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    const line = error.mark?.line;
    throw new Error(line === undefined ? error.reason : `line ${line + 1}: ${error.reason}`, { cause: error });
  }
}

/** The first document; null for an empty text. */
export function decodeYaml(text: string): unknown {
  return decodeDocuments(text)[0] ?? null;
}
