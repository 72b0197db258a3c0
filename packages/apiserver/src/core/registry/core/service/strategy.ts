// Services: status is empty, not absent. Addresses and node ports are given out in `allocation`.
import type { Loose, Strategy } from "../../strategy.ts";

export const serviceStrategy: Strategy = {
  createsOnUpdate: true,
  prepareForCreate(service) {
    (service as Loose)["status"] = { loadBalancer: {} };
  },
};
