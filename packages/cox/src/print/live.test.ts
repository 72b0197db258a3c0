import { describe, expect, it } from "vitest";
import { createLive } from "./live.ts";

function terminal(columns: number, rows: number) {
  const written: string[] = [];
  const write = (text: string | Uint8Array): void => void written.push(String(text));
  const out = {
    write,
    isTerminal: true,
    columns,
    rows,
    drained: () => Promise.resolve(),
    onResize: () => () => undefined,
  };
  return { out, written };
}

describe("a live block", () => {
  it("takes the place of what it showed before, however high that was", () => {
    const { out, written } = terminal(80, 24);
    const live = createLive({ out, env: {} });
    live?.show(["a", "b"]);
    live?.show(["c"]);
    live?.clear();
    expect(written).toEqual(["\r\u001b[Ja\nb\n", "\u001b[2A\r\u001b[Jc\n", "\u001b[1A\r\u001b[J"]);
  });

  it("cuts lines that are too long, and leaves out rows that do not fit", () => {
    const { out, written } = terminal(8, 4);
    createLive({ out, env: {} })?.show(["NAME   AGE", "\u001b[1mweb-1  10s\u001b[0m", "web-2", "web-3"], 1);
    expect(written).toEqual(["\r\u001b[JNAME   …\nweb-1  …\n… and 2…\n"]);
  });

  it("climbs over lines that a narrower terminal has wrapped", () => {
    const { out, written } = terminal(10, 24);
    const live = createLive({ out, env: {} });
    live?.show(["0123456789"]);
    Object.assign(out, { columns: 4 });
    live?.show(["x"]);
    expect(written[1]).toBe("\u001b[3A\r\u001b[Jx\n");
  });

  it("is not for pipes and terminals that cannot go back", () => {
    const { out } = terminal(80, 24);
    expect(createLive({ out: { ...out, isTerminal: false }, env: {} })).toBeUndefined();
    expect(createLive({ out, env: { TERM: "dumb" } })).toBeUndefined();
  });
});
