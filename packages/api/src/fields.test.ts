import { describe, expect, it } from "vitest";
import { fieldLabelError, keptFieldLabel, selectableFields } from "./fields.ts";
import { complete } from "../testing/complete.ts";

const pod = { group: "", version: "v1", kind: "Pod" };
const event = { group: "events.k8s.io", version: "v1", kind: "Event" };

describe("field selectors", () => {
  it.each([
    [pod, "spec.nodeName", undefined],
    [pod, "spec.host", undefined],
    [pod, "spec.foo", "field label not supported: spec.foo"],
    [event, "regarding.name", undefined],
    [event, "involvedObject.name", "field label not supported: involvedObject.name"],
    [{ group: "batch", version: "v1", kind: "Job" }, "x", 'field label "x" not supported for Job'],
    [
      { group: "certificates.k8s.io", version: "v1", kind: "CertificateSigningRequest" },
      "metadata.namespace",
      "field label not supported: metadata.namespace",
    ],
    [
      { group: "apps", version: "v1", kind: "Deployment" },
      "spec.replicas",
      '"spec.replicas" is not a known field selector: only "metadata.name", "metadata.namespace"',
    ],
    [
      { group: "resource.k8s.io", version: "v1", kind: "ResourceSlice" },
      "x",
      "field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: x",
    ],
  ])("of %j, %s: %s", (type, field, error) => {
    expect(fieldLabelError(type, field)).toBe(error);
  });

  it("give a pod's fields as texts, with what Go's zero values are where nothing is set", () => {
    const object = complete(pod, {
      metadata: { name: "p", namespace: "n" },
      spec: { nodeName: "worker", containers: [{ name: "c", image: "i" }] },
      status: { podIPs: [{ ip: "10.0.0.1" }, { ip: "fd00::1" }] },
    });
    expect(selectableFields(pod, object)).toEqual({
      "metadata.name": "p",
      "metadata.namespace": "n",
      "spec.nodeName": "worker",
      "spec.host": "worker",
      "spec.restartPolicy": "Always",
      "spec.schedulerName": "default-scheduler",
      "spec.serviceAccountName": "",
      "spec.hostNetwork": "false",
      "status.phase": "",
      "status.podIP": "10.0.0.1",
      "status.podIPs": "10.0.0.1,fd00::1",
      "status.nominatedNodeName": "",
    });
  });

  it("of an event under its other name read the form it is kept in", () => {
    const kept = complete(
      { group: "", version: "v1", kind: "Event" },
      {
        metadata: { name: "e", namespace: "n" },
        involvedObject: { kind: "Pod", name: "p", namespace: "n" },
        reason: "Started",
        reportingComponent: "kubelet",
      },
    );
    expect(selectableFields(event, kept)).toMatchObject({
      "involvedObject.kind": "Pod",
      "involvedObject.name": "p",
      reportingComponent: "kubelet",
      reason: "Started",
    });
    expect(
      ["regarding.kind", "reportingController", "reason", "metadata.name"].map((field) => keptFieldLabel(event, field)),
    ).toEqual(["involvedObject.kind", "reportingComponent", "reason", "metadata.name"]);
    expect(keptFieldLabel(pod, "spec.host")).toBe("spec.host");
    expect(selectableFields({ group: "", version: "v1", kind: "Event" }, kept)["source"]).toBe("kubelet");
  });
});
