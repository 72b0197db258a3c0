import { schemas } from "@coxswain/api";
import { describe, expect, it } from "vitest";
import { noConversion } from "../../../testing/no-conversion.ts";
import { readEnvelope, readMessage } from "../../core/body/protobuf.ts";
import { createCustomKinds } from "../../core/custom/custom-kinds.ts";
import { createKinds } from "../../core/registry/kind.ts";
import { createEntry } from "../../core/watch-cache/entry.ts";
import { protobufList } from "./protobuf-list.ts";

const kind = createKinds(createCustomKinds(noConversion)).find("", "v1", "configmaps");
if (!kind) throw new Error("no config maps");
const metadata = { resourceVersion: "9", continue: "abc" };

function answerOf(count: number, bytesEach: number) {
  const items = Array.from({ length: count }, (_, at) =>
    createEntry(
      `/registry/configmaps/n/c${at}`,
      Buffer.from(
        `{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"c${at}","namespace":"n"},"data":{"k":"${"x".repeat(bytesEach)}"}}`,
      ),
      7,
      true,
      undefined,
    ),
  );
  return { type: "list" as const, kind: kind!, metadata, items };
}

async function written(answer: ReturnType<typeof answerOf>, as: "object" | "partial" = "object"): Promise<Buffer> {
  const form = await protobufList(answer, { as, meta: "v1" }, async () => true);
  if (!form) throw new Error("the client is still there");
  const pieces = [form.begin];
  for (const [at, item] of answer.items.entries()) form.push(item, at === 0, pieces);
  return Buffer.concat([...pieces, form.end(false)]);
}

/** Items are what follows the metadata of the list: each a field of its own. */
const itemsOf = (raw: Buffer): string[] =>
  [...raw.toString("latin1").matchAll(/\W(c\d+)\W+n/g)].map(([, name]) => name ?? "");

describe("protobufList", () => {
  it.each([
    [0, 0],
    [3, 10],
    [7, 1024 * 1024],
  ])("writes %i items of %i bytes, in the length it said before", async (count, bytesEach) => {
    const { apiVersion, kind: name, raw } = readEnvelope(await written(answerOf(count, bytesEach)));
    expect([apiVersion, name, itemsOf(raw).length]).toEqual(["v1", "ConfigMapList", count]);
    // { 1: ListMeta { 2: resourceVersion, 3: continue } }
    expect(raw.subarray(0, 10).toString("latin1")).toBe("\x0a\x08\x12\x019\x1a\x03abc");
    expect(readMessage(schemas.get("meta/v1.ListMeta"), raw.subarray(2, 10))).toEqual(metadata);
  });

  it("writes metadata alone", async () => {
    const { apiVersion, kind: name, raw } = readEnvelope(await written(answerOf(2, 500), "partial"));
    expect([apiVersion, name, itemsOf(raw)]).toEqual(["meta.k8s.io/v1", "PartialObjectMetadataList", ["c0", "c1"]]);
    expect(raw.length).toBeLessThan(100);
  });

  it("is given up when the client goes meanwhile", async () => {
    expect(
      await protobufList(answerOf(2, 300 * 1024), { as: "object", meta: "v1" }, async () => false),
    ).toBeUndefined();
  });
});
