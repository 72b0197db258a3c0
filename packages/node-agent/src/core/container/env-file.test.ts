import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { envFileValue, fromEnvFile } from "./env-file.ts";
import type { EnvFile } from "./env-file.ts";

describe("the value of a key in a file of variables", () => {
  test.each([
    ["a plain line", "KEY='value'\n", "value"],
    ["the last line, which has no end", "OTHER='x'\nKEY='value'", "value"],
    ["blanks before a name, blank lines, comments", "# first\n\n \t\n \tKEY='value' \n", "value"],
    ["a comment after a value", "OTHER='x' # KEY='no'\nKEY='value'\t# said\n", "value"],
    ["blanks, hashes and equals signs in a value", "KEY='  a #b = c  '\n", "  a #b = c  "],
    ["what a shell would expand, were it quoted otherwise", "KEY='$HOME `id` \\n \"x\"'\n", '$HOME `id` \\n "x"'],
    ["a value of several lines", "KEY='one\n\n # two\nthree' # end\nOTHER='x'\n", "one\n\n # two\nthree"],
    ["several lines before it", "OTHER='one\nKEY=no\n'\nKEY='value'\n", "value"],
    ["nothing", "KEY=''\n", ""],
    ["a value of which a shell would make a command", "KEY= 'value'\n", ""],
  ])("%s", (_, text, value) => {
    expect(envFileValue(text, "KEY")).toBe(value);
    // A file that is accepted means to a shell what it means here. Its complaint of the command is not asked for.
    const said = execFileSync("sh", ["-c", 'eval "$1" 2>/dev/null; printf %s "$KEY"', "sh", text], {
      encoding: "utf8",
    });
    expect(said).toBe(value);
  });

  test.each([
    ["KEY", "line 1: missing '='"],
    ["OTHER='x'\n='x'\n", "line 2: empty variable name"],
    ["KEY ='x'\n", "line 1: whitespace before '=' is not allowed"],
    ["KEY=x\n", "line 1: value must be enclosed in single quotes"],
    ['KEY="x"\n', "line 1: value must be enclosed in single quotes"],
    ["KEY='a''b'\n", "line 1: unexpected content after closing quote"],
    ["KEY='a\nb'c\n", "line 2: unexpected content after closing quote"],
  ])("%j is refused", (text, words) => {
    expect(envFileValue(text, "KEY")).toEqual({ error: `invalid environment variable format at ${words}` });
  });

  test("a quote that is never closed is told by the line where it begins, and what comes after a key is not looked at", () => {
    expect(envFileValue("A='x'\nKEY='a\nb\n", "KEY")).toEqual({
      error: "invalid environment variable format starting at line 2: unclosed single quote",
    });
    expect(envFileValue("KEY='a'\nKEY='b'\nnonsense", "KEY")).toBe("a");
    expect(envFileValue("A='x'\r\n", "A")).toBe("x");
    expect(envFileValue("A='x'\n", "KEY")).toBeUndefined();
  });
});

describe("a variable from a file", () => {
  const files = new Map<string, EnvFile>([
    ["data/app.env", { path: "/v/app.env", text: "KEY='value'\nEMPTY=''\n" }],
    ["data/bad.env", { path: "/v/bad.env", text: "KEY=value\n" }],
    ["data/gone.env", { path: "/v/gone.env", missing: true }],
    ["data/pipe", { path: "/v/pipe", unreadable: '"/v/pipe" is not a file' }],
  ]);
  const of = (volumeName: string, path: string, key: string, optional?: boolean) =>
    fromEnvFile({ volumeName, path, key, ...(optional === undefined ? {} : { optional }) }, files);

  test("is what the file says, or what is wrong in the kubelet's words", () => {
    expect(of("data", "app.env", "KEY")).toBe("value");
    expect(of("data", "app.env", "NONE")).toEqual({
      error: 'environment variable key "NONE" not found in file "/v/app.env"',
    });
    expect(of("data", "app.env", "EMPTY")).toEqual({
      error: 'environment variable key "EMPTY" not found in file "/v/app.env"',
    });
    expect(of("data", "gone.env", "KEY")).toEqual({
      error: `couldn't parse env file: failed to open environment variable file "/v/gone.env"`,
    });
    expect(of("other", "app.env", "KEY")).toEqual({ error: 'cannot find the volume "other" referenced by FileKeyRef' });
  });

  test("may be missing when it is optional, but its file must be sound", () => {
    expect(of("data", "app.env", "NONE", true)).toBeUndefined();
    expect(of("data", "gone.env", "KEY", true)).toBeUndefined();
    expect(of("data", "bad.env", "KEY", true)).toEqual({
      error:
        "couldn't parse env file: invalid environment variable format at line 1: value must be enclosed in single quotes",
    });
    expect(of("data", "pipe", "KEY", true)).toEqual({ error: `couldn't parse env file: "/v/pipe" is not a file` });
  });
});
