// A stranger empties the packet filter.
import { machineFault } from "./fault.ts";

export const flushRules = machineFault("packet-filter rules flushed by a stranger", "flush-rules", {
  who: "busy-worker",
});
