import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findSystemLog } from "./system-logs.ts";

const dir = realpathSync(mkdtempSync(join(tmpdir(), "coxswain-system-logs-")));
const root = join(dir, "log");

beforeAll(() => {
  mkdirSync(join(root, "apt"), { recursive: true });
  writeFileSync(join(root, "a <b>.log"), "one\n");
  writeFileSync(join(root, "apt", "history.log"), "two\n");
  writeFileSync(join(dir, "secret"), "three\n");
  symlinkSync(join(dir, "secret"), join(root, "out"));
  symlinkSync("apt/history.log", join(root, "in"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test("a folder is a page of links", async () => {
  expect(await findSystemLog(root, "")).toEqual({
    kind: "folder",
    page: [
      "<pre>",
      '<a href="./a%20%3Cb%3E.log">a &#60;b&#62;.log</a>',
      '<a href="./apt/">apt/</a>',
      '<a href="./in">in</a>',
      '<a href="./out">out</a>',
      "</pre>\n",
    ].join("\n"),
  });
});

test.each(["apt/history.log", "in", "apt/../apt/history.log"])("%s is the file that it names", async (wanted) => {
  expect(await findSystemLog(root, wanted)).toEqual({ kind: "file", path: join(root, "apt/history.log"), size: 4 });
});

test.each(["out", "../secret", "nothing", "apt/history.log/x", "a\0"])("%j is not there", async (wanted) => {
  expect(await findSystemLog(root, wanted)).toBeUndefined();
});

test("without the folder there is nothing", async () => {
  expect(await findSystemLog(join(dir, "nowhere"), "")).toBeUndefined();
});
