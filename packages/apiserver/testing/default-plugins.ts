// The admission plugins that are on by default, as a server has them that is asked by nobody and knows no webhook.
import type { Clock } from "@coxswain/clock";
import { createSeededRandom } from "@coxswain/clock/testing";
import { admissionPlugins } from "../src/core/admission/order.ts";
import type { AdmissionConfig, AdmissionPorts } from "../src/core/admission/order.ts";
import { createCustomKinds } from "../src/core/custom/custom-kinds.ts";
import { createKinds } from "../src/core/registry/kind.ts";
import type { AdmissionPlugin } from "../src/core/request.ts";
import { noConversion } from "./no-conversion.ts";
import { silentLogger } from "./silent-logger.ts";

export function defaultPlugins(
  tolerations: AdmissionConfig["tolerations"],
  ports: Pick<AdmissionPorts, "objects" | "authorizer"> & { readonly clock: Clock },
): readonly AdmissionPlugin[] {
  return admissionPlugins(
    { enabled: [], disabled: [], tolerations },
    {
      ...ports,
      kinds: createKinds(createCustomKinds(noConversion)),
      caller: { post: () => Promise.reject(new Error("no webhook is configured here")) },
      random: createSeededRandom(1),
      log: silentLogger,
    },
  );
}
