// Everything on a machine stands still, as when a virtual machine is moved.
import { machineFault } from "./fault.ts";

export const pauseMachine = machineFault("machine paused", "pause-machine", { who: "each-master" });
