// Every fifth packet does not arrive.
import { hardshipFault } from "./fault.ts";

export const packetLoss = hardshipFault("20 % of packets lost", "packet-loss", 20, { who: "store-leader" });
