// No room left under a member of the store.
import { hardshipFault } from "./fault.ts";

export const fullDisk = hardshipFault("disk of the store full", "full-disk", 32, { who: "other-master" });
