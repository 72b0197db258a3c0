// A disk on which every sync takes its time.
import { hardshipFault } from "./fault.ts";

export const slowDisk = hardshipFault("each sync takes 150 ms longer", "slow-disk", 150, { who: "store-leader" });
