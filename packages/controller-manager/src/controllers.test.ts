// Which controllers --controllers selects.
import { expect, it } from "vitest";
import { controllerNames, selectControllers } from "./controllers.ts";

it("the star is all; a name that is left out wins over it", () => {
  expect(selectControllers(["*"])).toEqual(controllerNames);
  expect(selectControllers(["*", "-job-controller", "-cronjob"])).toEqual(
    controllerNames.filter((name) => name !== "job-controller" && name !== "cronjob-controller"),
  );
  expect(selectControllers(["job", "horizontalpodautoscaling", "ttl"])).toEqual(
    ["job-controller", "horizontal-pod-autoscaler-controller", "ttl-controller"].toSorted(
      (one, other) => controllerNames.indexOf(one as never) - controllerNames.indexOf(other as never),
    ),
  );
});

it("Kubernetes' controllers that are not here may be left out, and are refused with a reason when asked for", () => {
  expect(selectControllers(["*", "-attachdetach", "-service-lb-controller"])).toEqual(controllerNames);
  expect(() => selectControllers(["resourceclaim-controller"])).toThrow(
    "--controllers: there is no resourceclaim-controller here: devices are not allocated",
  );
  expect(() => selectControllers(["-jop"])).toThrow(/^unknown controller "jop" in --controllers; there are /);
});
