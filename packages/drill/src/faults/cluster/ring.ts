// Each master loses sight of the next: everybody is heard by somebody, nobody by all.
import { masters } from "../../cluster/target.ts";
import { clusterFault, cut } from "./fault.ts";

export const ring = clusterFault({
  name: "partition in a ring: each master loses sight of the next",
  usual: { who: "nobody" },
  needs: ["cut"],
  inject: (_aim, target) => {
    const names = masters(target).map(({ name }) => name);
    return names.length < 3
      ? []
      : cut(names.map((from, index) => ({ from, to: names[(index + 1) % names.length] ?? from })));
  },
});
