// Nothing outside the cluster can be reached: no registry, no name server of the world.
import { hardshipFault } from "./fault.ts";

export const noRegistry = hardshipFault("image registry down", "no-registry", 100, { who: "busy-worker" });
