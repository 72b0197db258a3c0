import { describe, expect, it } from "vitest";
import type { Component } from "./component.ts";
import { sequence } from "./component.ts";

function recorder(journal: string[], name: string, failing = false): Component {
  return {
    start: async () => {
      journal.push(`start ${name}`);
      if (failing) throw new Error(`${name} is broken`);
    },
    ready: () => [`${name} is not ready`],
    stop: async () => void journal.push(`stop ${name}`),
  };
}

describe("sequence", () => {
  it("sequence starts in the written order and stops in reverse", async () => {
    const journal: string[] = [];
    const whole = sequence([recorder(journal, "a"), recorder(journal, "b")]);
    await whole.start(new AbortController().signal);
    await whole.stop();
    await whole.stop();
    expect(journal).toEqual(["start a", "start b", "stop b", "stop a"]);
  });

  it("sequence undoes what it has begun when a part fails to start", async () => {
    const journal: string[] = [];
    const whole = sequence([recorder(journal, "a"), recorder(journal, "b", true), recorder(journal, "c")]);
    await expect(whole.start(new AbortController().signal)).rejects.toThrow("b is broken");
    expect(journal).toEqual(["start a", "start b", "stop b", "stop a"]);
  });

  it("sequence is as unready as its parts", () => {
    expect(sequence([recorder([], "a"), recorder([], "b")]).ready()).toEqual(["a is not ready", "b is not ready"]);
  });
});
