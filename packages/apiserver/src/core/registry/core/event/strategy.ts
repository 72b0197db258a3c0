// Events: they vanish after an hour, and can be selected by what they tell about.
import type { Strategy } from "../../strategy.ts";

export const eventStrategy: Strategy = {
  ttlSeconds: 3600,
  createsOnUpdate: true,
};
