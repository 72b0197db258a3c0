import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ApiObject } from "@coxswain/apimachinery";
import { createSharing } from "./sharing.ts";

interface Thing extends ApiObject {
  readonly spec?: unknown;
}
const thing = (name: string, owner: string, spec: unknown): Thing => ({
  apiVersion: "v1",
  kind: "Thing",
  metadata: {
    name,
    uid: `${name}-uid`,
    ownerReferences: [{ apiVersion: "v1", kind: "Owner", name: owner, uid: `${owner}-uid`, controller: true }],
  },
  spec,
});

describe("what objects have in common", () => {
  it("is kept once for the children of an owner, and for the versions of an object", () => {
    const sharing = createSharing<Thing>();
    const first = sharing.keep(thing("a", "set", { ports: [{ port: 80 }], node: "n1" }), undefined);
    const second = sharing.keep(thing("b", "set", { ports: [{ port: 80 }], node: "n2" }), undefined);
    expect(second).toEqual(thing("b", "set", { ports: [{ port: 80 }], node: "n2" }));
    expect(second.metadata.ownerReferences).toBe(first.metadata.ownerReferences);
    expect((second.spec as { ports: unknown }).ports).toBe((first.spec as { ports: unknown }).ports);
    const later = sharing.keep(thing("b", "set", { ports: [{ port: 80 }], node: "n3" }), second);
    expect(later.metadata).toBe(second.metadata);
    expect(later.spec).toEqual({ ports: [{ port: 80 }], node: "n3" });
    expect(second.spec).toEqual({ ports: [{ port: 80 }], node: "n2" });
  });

  it("does not change what any of them says", () => {
    const value = fc.jsonValue({ maxDepth: 3 });
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom("a", "b"), value), { maxLength: 8 }), (steps) => {
        const sharing = createSharing<Thing>();
        const kept = new Map<string, Thing>();
        const all: { readonly one: Thing; readonly says: Thing }[] = [];
        for (const [name, spec] of steps) {
          const one = sharing.keep(structuredClone(thing(name, "set", spec)), kept.get(name));
          kept.set(name, one);
          all.push({ one, says: thing(name, "set", spec) });
        }
        for (const { one, says } of all) expect(JSON.stringify(one)).toBe(JSON.stringify(says));
      }),
      {
        examples: [
          [
            [
              ["a", { x: -0 }],
              ["a", { x: 0 }],
            ],
          ],
        ],
      },
    );
  });
});
