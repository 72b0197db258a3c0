// Of what is written here Go's own reader (gnostic-models) made the same document as of its JSON, for all of this server's documents.
import { expect, it } from "vitest";
import { openApiV3 } from "./documents.ts";
import { encodeOpenApiV3 } from "./protobuf-version-3.ts";

/** A message as its fields, by number, in their order. */
function read(bytes: Uint8Array): Map<number, (Uint8Array | number)[]> {
  const fields = new Map<number, (Uint8Array | number)[]>();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const varint = (): number => {
    let [value, factor] = [0, 1];
    for (;;) {
      const byte = view.getUint8(at++);
      value += (byte & 127) * factor;
      if (byte < 128) return value;
      factor *= 128;
    }
  };
  const piece = (length: number): Uint8Array => bytes.subarray(at, (at += length));
  while (at < bytes.length) {
    const tag = varint();
    const kind = tag % 8;
    const one = kind === 1 ? view.getFloat64((at += 8) - 8, true) : kind === 0 ? varint() : piece(varint());
    fields.set(tag >> 3, [...(fields.get(tag >> 3) ?? []), one]);
  }
  return fields;
}
const inside = (bytes: Uint8Array | number | undefined, ...path: readonly number[]): Uint8Array | number | undefined =>
  path.reduce<Uint8Array | number | undefined>(
    (one, number) => (one instanceof Uint8Array ? read(one).get(number)?.[0] : undefined),
    bytes,
  );
const text = (value: Uint8Array | number | undefined): string =>
  value instanceof Uint8Array ? new TextDecoder().decode(value) : String(value);
const keys = (map: Uint8Array | number | undefined): string[] =>
  map instanceof Uint8Array ? (read(map).get(1) ?? []).map((entry) => text(inside(entry, 1))) : [];

it("documents have the paths and schemas of their JSON", () => {
  const document = openApiV3("apps", "v1", "v1.36.0") as {
    paths: object;
    components: { schemas: object };
  };
  const bytes = encodeOpenApiV3(document);
  expect(text(inside(bytes, 1))).toBe("3.0.0");
  expect(keys(inside(bytes, 4))).toEqual(Object.keys(document.paths));
  expect(keys(inside(bytes, 5, 1))).toEqual(Object.keys(document.components.schemas));
});

it("schemas refer or stand there, with what may be more, what is taken when nothing is given, and extensions", () => {
  const bytes = encodeOpenApiV3({
    components: {
      schemas: {
        A: {
          type: "object",
          minimum: 1.5,
          maxLength: 300,
          default: "x",
          additionalProperties: { $ref: "#/components/schemas/B" },
          properties: {
            b: { $ref: "#/components/schemas/B" },
            c: { type: "array", items: { type: "string" }, default: {} },
          },
          "x-kubernetes-list-map-keys": ["name"],
        },
        B: { additionalProperties: false, nullable: true },
      },
    },
  });
  const schemas = read(inside(bytes, 5, 1) as Uint8Array).get(1) as Uint8Array[];
  const [a = schemas[0], b = schemas[0]] = schemas.map((entry) => inside(entry, 2, 1));
  expect([inside(a, 13), inside(a, 15), text(inside(a, 25)), text(inside(a, 33, 3))]).toEqual([
    1.5,
    300,
    "object",
    "x",
  ]);
  expect(text(inside(a, 32, 1, 2, 1))).toBe("#/components/schemas/B");
  const [property, list] = read(inside(a, 31) as Uint8Array).get(1) as Uint8Array[];
  expect(text(inside(property, 2, 2, 1))).toBe("#/components/schemas/B");
  expect(text(inside(list, 2, 1, 30, 1, 1, 25))).toBe("string");
  expect(inside(list, 2, 1, 33)).toEqual(new Uint8Array());
  expect([text(inside(a, 36, 1)), text(inside(a, 36, 2, 2))]).toEqual(["x-kubernetes-list-map-keys", '["name"]']);
  expect([inside(b, 1), inside(b, 32, 2)]).toEqual([1, 0]);
});
