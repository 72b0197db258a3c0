import { describe, expect, it } from "vitest";
import { load } from "js-yaml";
import { noConversion } from "../../../testing/no-conversion.ts";
import { createCustomKinds } from "../../core/custom/custom-kinds.ts";
import { createKinds } from "../../core/registry/kind.ts";
import type { Representation } from "../../core/tables/accept.ts";
import { createEntry } from "../../core/watch-cache/entry.ts";
import { listForm } from "./list-form.ts";

const kind = createKinds(createCustomKinds(noConversion)).find("", "v1", "configmaps");
if (!kind) throw new Error("no config maps");
const entry = (name: string) =>
  createEntry(
    `/registry/configmaps/n/${name}`,
    Buffer.from(
      `{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"${name}","namespace":"n","creationTimestamp":"2026-01-01T00:00:00Z"},"data":{"k":"line\\nline","yes":"no"}}`,
    ),
    7,
    true,
    undefined,
  );
const metadata = { resourceVersion: "9", continue: "abc" };
const object = (name: string) => ({
  metadata: { resourceVersion: "7", name, namespace: "n", creationTimestamp: "2026-01-01T00:00:00Z" },
  data: { k: "line\nline", yes: "no" },
});
const whole = (...names: string[]) => ({ kind: "ConfigMapList", apiVersion: "v1", metadata, items: names.map(object) });

function render(form: Partial<Representation>, ...names: string[]): string {
  const representation: Representation = {
    as: "object",
    format: "json",
    mediaType: "",
    pretty: false,
    meta: "v1",
    ...form,
  };
  const items = names.map(entry);
  const { begin, push, end } = listForm(
    { type: "list", kind: kind!, metadata, items },
    representation,
    new URLSearchParams(),
    Date.parse("2026-01-01T01:00:00Z"),
  );
  const pieces = [begin];
  for (const [at, item] of items.entries()) push(item, at === 0, pieces);
  pieces.push(end(items.length === 0));
  return Buffer.concat(pieces).toString();
}

describe.each([[[]], [["a"]], [["a", "b", "c"]]])("a list of %j", (names) => {
  it("leaves as compact JSON", () => {
    expect(JSON.parse(render({}, ...names))).toEqual(whole(...names));
  });

  it("leaves indented like Go's MarshalIndent", () => {
    expect(render({ pretty: true }, ...names)).toBe(JSON.stringify(whole(...names), null, 2));
  });

  it("leaves as YAML", () => {
    expect(load(render({ format: "yaml" }, ...names))).toEqual(whole(...names));
  });

  it("leaves as metadata alone", () => {
    const items = names.map((name) => ({
      kind: "PartialObjectMetadata",
      apiVersion: "meta.k8s.io/v1",
      metadata: object(name).metadata,
    }));
    const list = { kind: "PartialObjectMetadataList", apiVersion: "meta.k8s.io/v1", metadata, items };
    expect(JSON.parse(render({ as: "partial" }, ...names))).toEqual(list);
    expect(load(render({ as: "partial", format: "yaml" }, ...names))).toEqual(list);
  });

  it("leaves as a table", () => {
    const table = JSON.parse(render({ as: "table" }, ...names)) as { rows: { cells: unknown[] }[] };
    expect(table).toMatchObject({ kind: "Table", apiVersion: "meta.k8s.io/v1", metadata });
    expect(table.rows.map(({ cells }) => cells)).toEqual(names.map((name) => [name, 2, "60m"]));
    expect(load(render({ as: "table", format: "yaml" }, ...names))).toEqual(table);
  });
});
