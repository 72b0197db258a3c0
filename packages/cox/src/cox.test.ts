import { describe, expect, it } from "vitest";
import { parseManifest } from "./resource/manifests.ts";
import { printTable } from "./print/table.ts";

describe("parseManifest", () => {
  it("parseManifest takes documents and lists apart", () => {
    const text =
      "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\napiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Secret, metadata: {name: b}}\n";
    expect(parseManifest(text, "x.yaml").map(({ object }) => `${object.kind}/${object.metadata.name}`)).toEqual([
      "ConfigMap/a",
      "Secret/b",
    ]);
  });
});

describe("printTable", () => {
  const table = {
    columnDefinitions: [{ name: "Name" }, { name: "Ready" }, { name: "Node", priority: 1 }],
    rows: [{ cells: ["web-1", "1/1", "n1"], object: { metadata: { namespace: "demo" } } }],
  };

  it("printTable hides the columns of less importance", () => {
    expect(printTable(table, { wide: false, headers: true, namespaces: false })).toBe("NAME    READY\nweb-1   1/1\n");
  });

  it("printTable shows them when asked for width, and namespaces in front", () => {
    expect(printTable(table, { wide: true, headers: true, namespaces: true })).toBe(
      "NAMESPACE   NAME    READY   NODE\ndemo        web-1   1/1     n1\n",
    );
  });
});
