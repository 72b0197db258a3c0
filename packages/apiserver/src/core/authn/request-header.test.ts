import { describe, expect, it } from "vitest";
import { remoteUser } from "./request-header.ts";

const names = {
  username: ["X-Remote-User", "X-Other-User"],
  uid: ["X-Remote-Uid"],
  group: ["X-Remote-Group"],
  extraPrefix: ["X-Remote-Extra-"],
};
const headers =
  (...pairs: [name: string, value: string][]) =>
  (prefix: string) =>
    pairs.filter(([name]) => name.startsWith(prefix));

describe("the user that a proxy names", () => {
  it("has the name, the groups and all that is said of them", () => {
    const found = remoteUser(
      names,
      headers(
        ["x-remote-user", "jane"],
        ["x-remote-uid", "42"],
        ["x-remote-group", "first, second"],
        ["x-remote-group", "third"],
        ["x-remote-extra-example.com%2fscopes", "a"],
        ["x-remote-extra-example.com%2fscopes", "b"],
        ["x-remote-extra-%", "c"],
      ),
    );
    expect(found).toEqual({
      username: "jane",
      uid: "42",
      groups: ["first, second", "third"],
      extra: { "example.com/scopes": ["a", "b"], "%": ["c"] },
    });
  });

  it("comes from the first header that says something, and is nobody without one", () => {
    expect(remoteUser(names, headers(["x-remote-user", " "], ["x-other-user", "joe"]))).toEqual({
      username: "joe",
      groups: [],
    });
    expect(remoteUser(names, headers(["x-remote-user-name", "joe"], ["x-remote-group", "g"]))).toBeUndefined();
  });
});
