import { describe, expect, it } from "vitest";
import type { Connection, ConnectRequest } from "@coxswain/client";
import type { Session } from "../session.ts";
import { runRemote } from "./remote-command.ts";

/** A server's end: what it was sent, and its own messages. */
function remote(messages: AsyncIterable<Uint8Array>) {
  const sent: string[] = [];
  const connection: Connection = {
    protocol: "v5.channel.k8s.io",
    messages,
    send: (message) => {
      sent.push(`${message[0]} ${Buffer.from(message.subarray(1)).toString()}`);
      return Promise.resolve();
    },
    close: () => sent.push("closed"),
  };
  const client = { connect: (_request: ConnectRequest) => Promise.resolve(connection) };
  return { sent, session: { client, signal: new AbortController().signal } as Partial<Session> as Session };
}

const success = Buffer.concat([Buffer.from([3]), Buffer.from('{"status":"Success"}')]);
const options = {
  path: "/exec",
  query: {},
  tty: true,
  stdin: undefined,
  stdout: () => undefined,
  stderr: () => undefined,
};

describe("the remote terminal", () => {
  it("has the size of ours, follows it, and is left alone after the end", async () => {
    const terminal = { columns: 90, rows: 30, changed: undefined as (() => void) | undefined };
    const { sent, session } = remote(
      (async function* () {
        await Promise.resolve();
        Object.assign(terminal, { columns: 40, rows: 20 });
        terminal.changed?.();
        yield success;
      })(),
    );
    await runRemote(session, {
      ...options,
      terminal: {
        get columns() {
          return terminal.columns;
        },
        get rows() {
          return terminal.rows;
        },
        onResize(changed) {
          terminal.changed = changed;
          return () => (terminal.changed = undefined);
        },
      },
    });
    expect([sent, terminal.changed]).toEqual([
      ['4 {"Width":90,"Height":30}', '4 {"Width":40,"Height":20}', "closed"],
      undefined,
    ]);
  });

  it("is told a larger size first where a screen is to be drawn again", async () => {
    const { sent, session } = remote(
      (async function* () {
        await Promise.resolve();
        yield success;
      })(),
    );
    const terminal = { columns: 90, rows: 30, onResize: () => () => undefined };
    await runRemote(session, { ...options, terminal, redraw: true });
    expect(sent).toEqual(['4 {"Width":91,"Height":31}', '4 {"Width":90,"Height":30}', "closed"]);
  });
});
