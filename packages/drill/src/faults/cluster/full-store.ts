// The store holds as much as it may.
import { hardshipFault } from "./fault.ts";

export const fullStore = hardshipFault("the store's quota is used up", "full-store", 12, { who: "other-master" });
