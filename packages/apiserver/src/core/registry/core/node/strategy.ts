// Nodes: unlike elsewhere the status given on create stays, since a node agent registers with it.
import type { Strategy } from "../../strategy.ts";

export const nodeStrategy: Strategy = { createsWithStatus: true };
