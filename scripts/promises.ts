// `npm run promises [-- NAME…]`: plays the promises of test/system/promises with kubectl on a lab that runs (`npm start -- --workers 3
// --profile fast --detach`): desired state becomes actual state, whoever dies meanwhile. Minutes, not for every run.
import { promises, slowPromises } from "../test/system/promises/index.ts";
import { runScript } from "./cluster/failure.ts";
import { play } from "./cluster/play.ts";

await runScript(() => play({ noun: "promise", all: promises, slow: slowPromises }));
