import { describe, expect, it } from "vitest";
import { projectRoot } from "../cluster/layout.ts";
import { plant, plantedBugs } from "./patches.ts";
import { tableWith } from "./table.ts";

describe("the planted bugs", () => {
  it("say what they are and where they come from, and can be planted in the sources as they are now", async () => {
    const bugs = await plantedBugs();
    expect(bugs.length).toBeGreaterThanOrEqual(12);
    const broken: string[] = [];
    for (const bug of bugs) {
      if (bug.bug === "" || bug.from === "") broken.push(`${bug.name} has no words`);
      await plant(bug, projectRoot, true).catch((error: unknown) => broken.push(`${bug.name}: ${String(error)}`));
    }
    expect(broken).toEqual([]);
  });

  it("stand in a table that keeps the rows nobody looked for", () => {
    const bug = (name: string) => ({ name, file: "", bug: "does harm", from: "somewhere", folders: [] });
    const readme = "# sim\n<!-- planted bugs -->\n<!-- end of planted bugs -->\nmore\n";
    const first = tableWith(readme, [{ bug: bug("b"), by: "a test", ms: 1400 }]);
    expect(tableWith(first, [{ bug: bug("a"), by: undefined, ms: 0 }])).toBe(`# sim
<!-- planted bugs -->

| planted bug | what it does | from | found by | in |
|---|---|---|---|---|
| \`a\` | does harm | somewhere | nothing | 0 s |
| \`b\` | does harm | somewhere | a test | 1 s |

<!-- end of planted bugs -->
more
`);
  });
});
