// The command line from its sources; bin/cox.cjs starts it, or its bundle. It loads and decides nothing else.
import { enableCompileCache } from "node:module";

// Before anything of weight is loaded, so that it is compiled once and not at each call.
enableCompileCache();
void import("./process.ts").then(({ runProcess }) => runProcess());
