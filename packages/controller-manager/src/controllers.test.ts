// Which controllers --controllers selects.
import { expect, it } from "vitest";
import { createController, controllerNames, selectControllers } from "./controllers.ts";
import type { Client, ResourceClient } from "@coxswain/client";
import type { ApiObject, ResourceDescriptor } from "@coxswain/apimachinery";
import { createSeededRandom, createSimulatedClock } from "@coxswain/clock/testing";
import { createFakeApi, silentLog } from "@coxswain/controller/testing";
import { createRecorders } from "./loop/controller.ts";
import { createSharedInformers } from "./loop/informers.ts";
import { limits } from "../testing/limits.ts";

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
  expect(selectControllers(["*", "-resource-claim-controller", "-service-lb-controller"])).toEqual(controllerNames);
  expect(() => selectControllers(["resourceclaim-controller"])).toThrow(
    "--controllers: there is no resourceclaim-controller here: devices are not allocated",
  );
  expect(() => selectControllers(["-jop"])).toThrow(/^unknown controller "jop" in --controllers; there are /);
});

/** A server that takes every request and answers none; who asked hears of it only when it gives up. */
function silentClient(base: Client): Client {
  const never = <T>(signal: AbortSignal | undefined): Promise<T> =>
    new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason as Error), { once: true }));
  const resource = <T extends ApiObject>(descriptor: ResourceDescriptor<T>): ResourceClient<T> => ({
    ...base.resource(descriptor),
    get: (_, options) => never(options?.signal),
    list: (options) => never(options?.signal),
  });
  return { ...base, resource, metadata: resource, discover: never, request: ({ signal }) => never(signal) };
}

it.each(controllerNames)("%s ends when it is told to, also before anybody has answered it", async (name) => {
  const [clock, random] = [createSimulatedClock(), createSeededRandom(1)];
  const client = silentClient(createFakeApi({ clock, random }).client);
  const ending = new AbortController();
  const shared = { client, clock, random, log: silentLog };
  const informers = createSharedInformers(client, shared);
  const controller = createController(name, { ...shared, informers, events: createRecorders(shared) }, limits);
  const work = Promise.all([controller.run(ending.signal), informers.run(ending.signal)]);
  await clock.advance(3_000);
  ending.abort();
  await clock.advance(0);
  await work;
});
