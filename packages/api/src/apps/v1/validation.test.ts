import { fieldErrorText, type GroupVersionKind } from "@coxswain/apimachinery";
import { describe, expect, it } from "vitest";
import { complete } from "../../../testing/index.ts";
import { validateCreate, validateUpdate } from "../../index.ts";

const metadata = { name: "a", namespace: "default", resourceVersion: "1" };
const of = (kind: string): GroupVersionKind => ({ group: "apps", version: "v1", kind });
const made = (kind: string, object: object): ReturnType<typeof complete> => complete(of(kind), { metadata, ...object });
const created = (kind: string, object: object): string[] =>
  validateCreate(of(kind), made(kind, object)).map(fieldErrorText);

const template = { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "x" }] } };
const selector = { matchLabels: { a: "b" } };
const unreadable = { matchExpressions: [{ key: "k", operator: "In" }] };
const values =
  "spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'";
const shown = 'spec.selector: Invalid value: {"matchExpressions":[{"key":"k","operator":"In"}]}';

describe("a workload", () => {
  it.each([
    ["Deployment", `${shown}: invalid label selector`],
    ["ReplicaSet", `${shown}: invalid label selector`],
    ["StatefulSet", shown],
  ])("%s is told once more of a selector that cannot be read, and not of its template", (kind, whole) => {
    expect(created(kind, { spec: { selector: unreadable, template: {} } })).toEqual([values, whole]);
  });

  it.each([
    ["abc", 0, true],
    ["0", "0%", true],
    ["2", 0, false],
  ])("with at most %s away and %s more counts text that is no number as none", (maxUnavailable, maxSurge, isNone) => {
    const strategy = { type: "RollingUpdate", rollingUpdate: { maxUnavailable, maxSurge } };
    const errors = created("Deployment", { spec: { selector, template, strategy } });
    expect(errors.some((text) => text.endsWith("may not be 0 when `maxSurge` is 0"))).toBe(isNone);
  });
});

describe("a stateful set", () => {
  const spec = { selector, template, serviceName: "s" };
  const claim = { metadata: { name: "data" }, spec: {} };

  it("is made with a service's name and with claims that can be", () => {
    expect(created("StatefulSet", { spec: { ...spec, serviceName: "a.b" } })).toEqual([
      'spec.serviceName: Invalid value: "a.b": must not contain dots',
    ]);
    expect(created("StatefulSet", { spec: { ...spec, volumeClaimTemplates: [{}] } })).toEqual([
      "spec.volumeClaimTemplates[0].spec.accessModes: Required value: at least 1 access mode is required",
      "spec.volumeClaimTemplates[0].spec.resources[storage]: Required value",
    ]);
  });

  it("is not asked again for what cannot change, nor for a template that was wrong before", () => {
    const wrong = {
      ...spec,
      serviceName: "a.b",
      volumeClaimTemplates: [claim],
      template: { metadata: template.metadata },
    };
    const next = made("StatefulSet", { spec: { ...wrong, replicas: 3 } });
    expect(validateUpdate(of("StatefulSet"), next, made("StatefulSet", { spec: wrong }))).toEqual([]);
    const broken = made("StatefulSet", { spec: { ...spec, template: wrong.template } });
    expect(validateUpdate(of("StatefulSet"), broken, made("StatefulSet", { spec })).map(fieldErrorText)).toEqual([
      "spec.template.spec.containers: Required value",
    ]);
  });
});

describe("what a deployment reports", () => {
  it("is counted from zero", () => {
    const next = made("Deployment", {
      spec: { selector, template },
      status: { unavailableReplicas: -1, collisionCount: -1 },
    });
    const old = made("Deployment", { spec: { selector, template } });
    expect(validateUpdate(of("Deployment"), next, old, "status").map(fieldErrorText)).toEqual([
      "status.unavailableReplicas: Invalid value: -1: must be greater than or equal to 0",
      "status.collisionCount: Invalid value: -1: must be greater than or equal to 0",
    ]);
  });
});

describe("a controller revision", () => {
  it.each<[unknown, string[]]>([
    [undefined, ["data: Required value: data is mandatory"]],
    [[1], ["data: Required value: data must be a valid JSON object"]],
    ["x", ["data: Required value: data must be a valid JSON object"]],
    [{}, []],
  ])("holds an object: %j", (data, errors) => {
    expect(created("ControllerRevision", { revision: 1, data })).toEqual(errors);
  });
});
