import { fieldErrorText } from "@coxswain/apimachinery";
import { describe, expect, it } from "vitest";
import { complete } from "../../../testing/index.ts";
import { validateCreate } from "../../index.ts";

describe("an autoscaler of the first version", () => {
  it.each([0, -1])("aims at more than %d percent, which is said in the words of the second", (percent) => {
    const type = { group: "autoscaling", version: "v1", kind: "HorizontalPodAutoscaler" };
    const spec = { scaleTargetRef: { kind: "Deployment", name: "d" }, maxReplicas: 3 };
    const object = complete(type, {
      metadata: { name: "a", namespace: "default" },
      spec: { ...spec, targetCPUUtilizationPercentage: percent },
    });
    expect(validateCreate(type, object).map(fieldErrorText)).toEqual([
      `spec.metrics[0].resource.target.averageUtilization: Invalid value: ${percent}: must be greater than 0`,
    ]);
  });
});
