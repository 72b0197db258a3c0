import { expect, it } from "vitest";
import { valuesAt } from "./simple-path.ts";

const object = { list: ["a", "b", "c"], pods: [{ name: "p" }, { name: "q" }] };

it.each([
  [".list[1]", ["b"]],
  [".list[-1]", ["c"]],
  [".list[9]", []],
  [".list[*]", ["a", "b", "c"]],
  [".list[0:2]", ["a", "b"]],
  [".list[1:]", ["b", "c"]],
  [".list[:1]", ["a"]],
  [".list[::2]", ["a", "c"]],
  [".list[-2:]", ["b", "c"]],
  [".list[::0]", []],
  [".pods[1:].name", ["q"]],
  [".pods[?(@.name=='q')].name", ["q"]],
  [".list[", []],
])("%s finds %j", (path, found) => {
  expect(valuesAt(object, path)).toEqual(found);
});
