// A cable that carries little: whoever sends much waits.
import { hardshipFault } from "./fault.ts";

export const slowLink = hardshipFault("link of 1 Mbit/s", "slow-link", 1000, { who: "each-master" });
