// `npm run demos [-- NAME…]`: plays the demos of test/system/demos on a lab that runs (`npm start -- --workers 3 --detach`), one for
// each challenge of a cluster.
import { demos } from "../test/system/demos/index.ts";
import { runScript } from "./cluster/failure.ts";
import { play } from "./cluster/play.ts";

await runScript(() => play({ noun: "demo", all: demos }));
