import { expect, it } from "vitest";
import { duplicateFields, strictComplaints } from "./duplicate-fields.ts";
import { age, humanDuration } from "./duration.ts";
import { fieldErrors } from "./field-error.ts";
import { statuses } from "./status.ts";

it("statuses.notFound names the resource with its group", () => {
  expect(statuses.notFound({ group: "apps", resource: "deployments" }, "web")).toEqual({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: 'deployments.apps "web" not found',
    reason: "NotFound",
    details: { name: "web", group: "apps", kind: "deployments" },
    code: 404,
  });
});

it("statuses.invalid lists all fields, each as a cause", () => {
  const status = statuses.invalid({ group: "", kind: "Pod" }, "x", [
    fieldErrors.required("spec.a"),
    fieldErrors.invalid("spec.b", -1, "must be positive"),
  ]);
  expect([status.message, status.details?.causes]).toEqual([
    'Pod "x" is invalid: [spec.a: Required value, spec.b: Invalid value: -1: must be positive]',
    [
      { reason: "FieldValueRequired", message: "Required value", field: "spec.a" },
      { reason: "FieldValueInvalid", message: "Invalid value: -1: must be positive", field: "spec.b" },
    ],
  ]);
});

it("strictComplaints says what a reader meets, in its order", () => {
  const text = '{"x":{"a":1,"a":2},"spec":{"odd":1,"n":1,"n":2,"odd":3,"l":[{"k":1,"k":2,"z":{}}]}}';
  expect(strictComplaints(text, ["spec.l[0].z", "spec.odd", "x"])).toEqual([
    'unknown field "x"',
    'unknown field "spec.odd"',
    'duplicate field "spec.n"',
    'duplicate field "spec.l[0].k"',
    'unknown field "spec.l[0].z"',
  ]);
});

it("duplicateFields finds members that occur twice in one object", () => {
  expect(duplicateFields('{"a":1,"b":{"c":[{"x":1,"x":2}]}, "a" : "\\"}" }')).toEqual(["b.c[0].x", "a"]);
});

it("humanDuration shows two units while the smaller matters", () => {
  const hour = 3_600_000;
  expect(
    [0, 119_000, 200_000, 10 * 60_000, 3.5 * hour, 9 * hour, 52 * hour, 900 * 24 * hour, -5000].map(humanDuration),
  ).toEqual(["0s", "119s", "3m20s", "10m", "3h30m", "9h", "2d4h", "2y170d", "<invalid>"]);
  expect([age(undefined, 0), age("1970-01-01T00:00:00Z", 5000)]).toEqual(["<unknown>", "5s"]);
});
