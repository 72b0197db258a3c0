// Services: status is empty, not absent. Addresses and node ports are given out in `allocation`.
import type { Loose, Strategy } from "../../strategy.ts";
import { textOf } from "../../strategy.ts";

export const serviceStrategy: Strategy = {
  fieldNames: ["spec.clusterIP", "spec.type"],
  fields: (service) => ({ "spec.clusterIP": textOf(service, "spec", "clusterIP"), "spec.type": textOf(service, "spec", "type") }),
  createsOnUpdate: true,
  prepareForCreate(service) {
    (service as Loose)["status"] = { loadBalancer: {} };
  },
};
