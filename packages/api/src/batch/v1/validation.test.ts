import { fieldErrorText, type GroupVersionKind } from "@coxswain/apimachinery";
import { describe, expect, it } from "vitest";
import { complete } from "../../../testing/index.ts";
import { validateCreate, validateUpdate } from "../../index.ts";

const job: GroupVersionKind = { group: "batch", version: "v1", kind: "Job" };
const metadata = { name: "a", namespace: "default", uid: "u", resourceVersion: "1" };
const pod = { restartPolicy: "Never", containers: [{ name: "c", image: "x" }] };
const legacy = { "controller-uid": "u", "job-name": "a" };
const prefixed = { "batch.kubernetes.io/controller-uid": "u", "batch.kubernetes.io/job-name": "a" };
const made = (labels: object, matchLabels: object, manualSelector?: boolean): ReturnType<typeof complete> =>
  complete(job, {
    metadata,
    spec: { manualSelector, selector: { matchLabels }, template: { metadata: { labels }, spec: pod } },
  });

describe("a job whose selector the server makes", () => {
  it("selects nothing else", () => {
    const own = { ...legacy, ...prefixed };
    expect(validateCreate(job, made(own, prefixed))).toEqual([]);
    expect(validateCreate(job, made({ ...own, app: "x" }, { ...prefixed, app: "x" })).map(fieldErrorText)).toEqual([
      'spec.selector: Invalid value: {"matchLabels":{"app":"x","batch.kubernetes.io/controller-uid":"u","batch.kubernetes.io/job-name":"a"}}: `selector` not auto-generated',
    ]);
  });

  it("is looked at whole when it changes; one from before the prefixed labels need not have them", () => {
    expect(
      validateUpdate(job, made(legacy, { "controller-uid": "u" }), made(legacy, { "controller-uid": "u" })),
    ).toEqual([]);
    const manual = made({ app: "x" }, { app: "x" }, true);
    expect(validateUpdate(job, made({ app: "x" }, { app: "x" }), manual).map(fieldErrorText)).toEqual([
      "spec.template.metadata.labels[controller-uid]: Required value: must be 'u'",
      "spec.template.metadata.labels[job-name]: Required value: must be 'a'",
      'spec.selector: Invalid value: {"matchLabels":{"app":"x"}}: `selector` not auto-generated',
    ]);
  });
});
