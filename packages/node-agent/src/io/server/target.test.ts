import { expect, test } from "vitest";
import { parseLogQuery } from "./logs.ts";
import { parseTarget } from "./target.ts";

test.each([
  [
    "/exec/shop/web/main?command=sh&command=-c&command=a%20b&input=1&output=1&tty=1&error=1",
    {
      kind: "exec",
      namespace: "shop",
      pod: "web",
      container: "main",
      command: ["sh", "-c", "a b"],
      streams: { stdin: true, stdout: true, stderr: false, tty: true },
    },
  ],
  [
    "/exec/shop/web/uid-1/main?command=ls&output=1&error=1",
    {
      kind: "exec",
      namespace: "shop",
      pod: "web",
      container: "main",
      command: ["ls"],
      streams: { stdin: false, stdout: true, stderr: true, tty: false },
    },
  ],
  [
    "/attach/shop/web/main?stdin=true&stdout=true",
    {
      kind: "attach",
      namespace: "shop",
      pod: "web",
      container: "main",
      streams: { stdin: true, stdout: true, stderr: false, tty: false },
    },
  ],
  ["/portForward/shop/web?port=80", { kind: "portForward", namespace: "shop", pod: "web", ports: [80] }],
  ["/exec/shop/web/main", undefined],
  ["/exec/shop/..%2f..%2fetc/main?command=ls", undefined],
  ["/exec//web/main?command=ls", undefined],
  ["/exec/shop/%zz/main?command=ls", undefined],
  ["/portForward/shop/web?port=0", undefined],
  ["/run/shop/web/main", undefined],
])("parseTarget reads %s", (url, expected) => {
  expect(parseTarget(url)).toEqual(expected);
});

test("parseLogQuery turns times into one moment and refuses what is no number", () => {
  expect(parseLogQuery(new URLSearchParams("follow=true&tailLines=5&sinceSeconds=60&limitBytes=10"), 100_000)).toEqual({
    query: { follow: true, previous: 0, timestamps: false, tailLines: 5, sinceMs: 40_000, limitBytes: 10 },
  });
  expect(parseLogQuery(new URLSearchParams("sinceTime=1970-01-01T00:00:01Z"), 0)).toMatchObject({
    query: { sinceMs: 1000 },
  });
  expect(parseLogQuery(new URLSearchParams("tailLines=x"), 0)).toEqual({
    error: "tailLines must be a whole number of at least 0",
  });
  expect(parseLogQuery(new URLSearchParams("sinceTime=yesterday"), 0)).toEqual({
    error: 'sinceTime is not a time: "yesterday"',
  });
});
