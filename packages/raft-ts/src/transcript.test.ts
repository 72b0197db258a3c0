// The transcripts in testdata/ are scripts with what was observed behind each command. `vitest run -u` writes the observations anew;
// commit only changes that you understand.
import { readFileSync, readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { runTranscript } from "../testing/index.ts";

const directory = new URL("../testdata/", import.meta.url);

describe("a transcript", () => {
  it.each(readdirSync(directory).filter((name) => name.endsWith(".txt")))("is observed again: %s", async (name) => {
    const file = new URL(name, directory).pathname;
    await expect(runTranscript(readFileSync(file, "utf8"))).toMatchFileSnapshot(file);
  });
});
