import { describe, expect, it } from "vitest";
import { CommandError } from "./failure.ts";
import { splitTargets } from "./find-resource.ts";
import { parseManifest } from "./manifests.ts";
import { printTable } from "./print/table.ts";

describe("splitTargets", () => {
  it.each([
    [["pods"], [{ type: "pods", names: [] }]],
    [["pods", "a", "b"], [{ type: "pods", names: ["a", "b"] }]],
    [
      ["pod/a", "svc/b"],
      [
        { type: "pod", names: ["a"] },
        { type: "svc", names: ["b"] },
      ],
    ],
  ])("splitTargets reads %j", (words, targets) => {
    expect(splitTargets(words)).toEqual(targets);
  });

  it("splitTargets refuses a name without a type", () => {
    expect(() => splitTargets(["pod/a", "b"])).toThrow(new CommandError('expected TYPE/NAME, found "b"'));
  });
});

describe("parseManifest", () => {
  it("parseManifest takes documents and lists apart", () => {
    const text =
      "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\napiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Secret, metadata: {name: b}}\n";
    expect(parseManifest(text, "x.yaml").map((object) => `${object.kind}/${object.metadata.name}`)).toEqual([
      "ConfigMap/a",
      "Secret/b",
    ]);
  });

  it.each([
    ["kind: Pod", "x.yaml: apiVersion not set"],
    ["apiVersion: v1\nmetadata: {}", "x.yaml: kind not set"],
    ["- 1", "x.yaml: expected an object, found [1]"],
  ])("parseManifest says what is wrong with %j", (text, message) => {
    expect(() => parseManifest(text, "x.yaml")).toThrow(new CommandError(message));
  });
});

describe("printTable", () => {
  const table = {
    columnDefinitions: [{ name: "Name" }, { name: "Ready" }, { name: "Node", priority: 1 }],
    rows: [{ cells: ["web-1", "1/1", "n1"], object: { metadata: { namespace: "demo" } } }],
  };

  it("printTable hides the columns of less importance", () => {
    expect(printTable(table, { wide: false, namespaces: false })).toBe("NAME    READY\nweb-1   1/1\n");
  });

  it("printTable shows them when asked for width, and namespaces in front", () => {
    expect(printTable(table, { wide: true, namespaces: true })).toBe(
      "NAMESPACE   NAME    READY   NODE\ndemo        web-1   1/1     n1\n",
    );
  });
});
