// What tests of daemons need besides the daemons.
export { freePort } from "./free-port.ts";
