// A machine gets a tenth of a processor.
import { hardshipFault } from "./fault.ts";

export const starvation = hardshipFault("a tenth of a processor", "starvation", 10, { who: "busy-worker" });
