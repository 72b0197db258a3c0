import { describe, expect, it } from "vitest";
import { createHealth } from "./health.ts";
import type { Health } from "./health.ts";

interface Rig extends Health {
  readonly problems: Map<string, string>;
  readonly logged: string[];
  ask(path: string): Promise<string>;
}

function rig(): Rig {
  const problems = new Map<string, string>();
  const logged: string[] = [];
  const check = (name: string) => ({ name, check: () => problems.get(name) });
  const health = createHealth({
    live: [check("ping")],
    ready: [check("ping"), check("etcd")],
    log: {
      warn: (fields, message) => void logged.push(`${message}: ${JSON.stringify(fields)}`),
      info: (fields, message) => void logged.push(`${message}: ${JSON.stringify(fields)}`),
    },
  });
  return {
    ...health,
    problems,
    logged,
    async ask(path) {
      const { pathname, searchParams } = new URL(path, "https://x");
      const [, endpoint = "", only] = /^\/(\w+)(?:\/(.*))?$/.exec(pathname) ?? [];
      const answer = await health.answer(endpoint as "readyz", only, searchParams);
      return answer ? `${answer.code} ${answer.body}` : "404";
    },
  };
}

describe("health endpoints", () => {
  it("say ok, or every check when asked to", async () => {
    const { ask } = rig();
    expect(await ask("/livez")).toBe("200 ok");
    expect(await ask("/readyz?verbose")).toBe("200 [+]ping ok\n[+]etcd ok\nreadyz check passed\n");
    expect(await ask("/readyz/etcd")).toBe("200 ok");
    expect(await ask("/livez/etcd")).toBe("404");
  });

  it("keep the reason of a failure to the log, and tell it once", async () => {
    const { ask, problems, logged } = rig();
    problems.set("etcd", "no secret of ours");
    for (const _ of [1, 2])
      expect(await ask("/readyz")).toBe("500 [+]ping ok\n[-]etcd failed: reason withheld\nreadyz check failed\n");
    expect(await ask("/readyz/etcd")).toBe("500 internal server error: reason withheld\n");
    expect(logged).toEqual([
      'a health check fails: {"check":"etcd","endpoint":"readyz","problem":"no secret of ours"}',
    ]);
  });

  it("leave out what is excluded, and say which exclusion is none", async () => {
    const { ask, problems } = rig();
    problems.set("etcd", "away");
    expect(await ask("/readyz?verbose&exclude=etcd&exclude=nothing")).toBe(
      '200 [+]ping ok\n[+]etcd excluded: ok\nwarn: some health checks cannot be excluded: no matches for "nothing"\nreadyz check passed\n',
    );
  });

  it("are counted as Kubernetes' service level indicators", async () => {
    const { ask, problems, figures } = rig();
    await ask("/readyz");
    problems.set("etcd", "away");
    await ask("/readyz");
    await ask("/livez");
    expect(figures().split("\n")).toEqual(
      expect.arrayContaining([
        'kubernetes_healthcheck{name="etcd",type="readyz"} 0',
        'kubernetes_healthcheck{name="ping",type="livez"} 1',
        'kubernetes_healthchecks_total{name="etcd",status="error",type="readyz"} 1',
        'kubernetes_healthchecks_total{name="etcd",status="success",type="readyz"} 1',
        'kubernetes_healthchecks_total{name="ping",status="success",type="readyz"} 2',
      ]),
    );
  });
});
