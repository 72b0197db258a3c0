import { expect, it } from "vitest";
import { mustBeLogOptions } from "./log-options.ts";

it.each([
  ["tailLines=-1", 'PodLogOptions "web" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0'],
  ["limitBytes=0", 'PodLogOptions "web" is invalid: limitBytes: Invalid value: 0: must be greater than 0'],
  ["sinceTime=now", 'parsing time "now" as "2006-01-02T15:04:05Z07:00": cannot parse "now" as "2006"'],
  ["tailLines=x", 'strconv.ParseInt: parsing "x": invalid syntax'],
])("the options %j of a log are refused", (query, message) => {
  expect(() => mustBeLogOptions("web", new URLSearchParams(query))).toThrow(message);
});

it("a log's options may be left out", () => {
  expect(() => mustBeLogOptions("web", new URLSearchParams("follow&tailLines=0"))).not.toThrow();
});
