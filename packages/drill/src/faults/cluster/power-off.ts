// The plug is pulled: nothing on the machine is told.
import { machineFault } from "./fault.ts";

export const powerOff = machineFault("power off", "power-off", { who: "each-master" });
