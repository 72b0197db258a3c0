// Patches that nobody would send on purpose: whatever they are, they are applied or refused as patches, leave their arguments as they were,
// and nothing else is ever thrown.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createSchemaSet } from "../schema.ts";
import { applyJsonPatch } from "./json-patch.ts";
import { applyMergePatch } from "./merge-patch.ts";
import { PatchError } from "./patch-error.ts";
import { applyStrategicMerge } from "./strategic-merge.ts";

const schema = createSchemaSet([
  {
    folder: "test/v1",
    text: `
type Thing kind
spec? 1 Spec

type Spec
items? 1 []Item patch=merge:name
tags? 2 []string patch=merge
plain? 3 []string
choice? 4 *Choice patch=retainKeys
labels? 5 map:string

type Item
name 1 string
size? 2 int32

type Choice
a? 1 string
b? 2 string`,
  },
]).get("test/v1.Thing");

const key = fc.constantFrom(
  ..."spec items tags plain choice labels name size a b $patch $retainKeys __proto__ constructor toString length 0 -".split(
    " ",
  ),
  ...["items", "tags", "plain", "choice", "absent"].flatMap((name) => [
    `$setElementOrder/${name}`,
    `$deleteFromPrimitiveList/${name}`,
  ]),
);
const leaf = fc.constantFrom<unknown>(
  null,
  true,
  0,
  -1,
  "",
  "a",
  "b",
  "replace",
  "delete",
  "merge",
  "__proto__",
  1e300,
);
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    leaf,
    fc.array(tie("value"), { maxLength: 4 }),
    fc.array(fc.tuple(key, tie("value")), { maxLength: 5 }).map(objectOf),
  ),
}));
const object = fc.array(fc.tuple(key, value), { maxLength: 5 }).map(objectOf);
const pointer = fc
  .array(fc.oneof(key, fc.constantFrom("-1", "00", "~0", "~1", "~2", "")), { maxLength: 4 })
  .map((parts) => (parts.length === 0 ? "" : `/${parts.join("/")}`));
const operation = fc.record(
  {
    op: fc.constantFrom("add", "remove", "replace", "move", "copy", "test", "fly"),
    path: fc.oneof(pointer, leaf),
    from: fc.oneof(pointer, leaf),
    value,
  },
  { requiredKeys: [] },
);

/** Members as JSON has them: `__proto__` is one like any other. */
function objectOf(members: readonly (readonly [string, unknown])[]): Record<string, unknown> {
  return JSON.parse(
    `{${members.map(([name, member]) => `${JSON.stringify(name)}:${JSON.stringify(member)}`).join()}}`,
  ) as Record<string, unknown>;
}

function survives(target: unknown, patch: unknown, apply: () => unknown): void {
  const before = JSON.stringify([target, patch]);
  try {
    expect(() => JSON.stringify(apply())).not.toThrow();
  } catch (error) {
    if (!(error instanceof PatchError)) throw error;
  }
  expect(JSON.stringify([target, patch])).toBe(before);
  expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
}

function applied(apply: () => unknown): () => unknown {
  return () => {
    try {
      return apply();
    } catch (error) {
      if (error instanceof PatchError) return undefined;
      throw error;
    }
  };
}

describe("whatever is sent as a patch", () => {
  it("a JSON patch is applied or refused", () => {
    fc.assert(
      fc.property(object, fc.oneof(fc.array(operation, { maxLength: 6 }), value), (target, patch) =>
        survives(
          target,
          patch,
          applied(() => applyJsonPatch(target, patch)),
        ),
      ),
      { numRuns: 1000 },
    );
  });

  it("a merge patch is applied, and applying it again changes nothing", () => {
    fc.assert(
      fc.property(object, object, (target, patch) => {
        survives(
          target,
          patch,
          applied(() => applyMergePatch(target, patch)),
        );
        const once = applyMergePatch(target, patch);
        expect(applyMergePatch(once, patch)).toEqual(once);
      }),
      { numRuns: 1000 },
    );
  });

  it("a strategic merge patch is applied or refused", () => {
    fc.assert(
      fc.property(object, object, (target, patch) =>
        survives(
          target,
          patch,
          applied(() => applyStrategicMerge(schema, target, patch)),
        ),
      ),
      { numRuns: 1000 },
    );
  });
});
