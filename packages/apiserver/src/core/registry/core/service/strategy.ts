// Services: addresses and node ports are given out in `allocation`.
import type { Strategy } from "../../strategy.ts";

export const serviceStrategy: Strategy = { createsOnUpdate: true };
