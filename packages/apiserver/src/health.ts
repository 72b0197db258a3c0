// The health endpoints, `/healthz`, `/livez` and `/readyz`, in kube-apiserver's words, and what they found as figures for `/metrics/slis`. Anybody
// may ask them, so they say what is wrong to nobody but the log.
import type { Logger } from "@coxswain/daemon";

export interface HealthCheck {
  readonly name: string;
  /** What is wrong; undefined when all is well. */
  readonly check: () => Promise<string | undefined> | string | undefined;
}

export type HealthEndpoint = "healthz" | "livez" | "readyz";

export interface HealthPorts {
  readonly live: readonly HealthCheck[];
  readonly ready: readonly HealthCheck[];
  readonly log: Pick<Logger, "warn" | "info">;
}

export interface Health {
  /** `only`: the name of one check. Undefined when there is no such check. */
  answer(
    endpoint: HealthEndpoint,
    only: string | undefined,
    query: URLSearchParams,
  ): Promise<{ readonly code: number; readonly body: string } | undefined>;
  /** In Prometheus' text format: the last result of every check, and how often there was which. */
  figures(): string;
}

export function createHealth({ live, ready, log }: HealthPorts): Health {
  /** By check and endpoint, as labels. */
  const last = new Map<string, 0 | 1>();
  const counts = new Map<string, number>();

  const look = async (endpoint: HealthEndpoint, { name, check }: HealthCheck): Promise<boolean> => {
    const problem = await check();
    const result = problem === undefined ? 1 : 0;
    const labels = `name="${name}",type="${endpoint}"`;
    const counted = `name="${name}",status="${result === 1 ? "success" : "error"}",type="${endpoint}"`;
    if ((last.get(labels) ?? 1) !== result) {
      if (result === 0) log.warn({ check: name, endpoint, problem }, "a health check fails");
      else log.info({ check: name, endpoint }, "a health check succeeds again");
    }
    last.set(labels, result);
    counts.set(counted, (counts.get(counted) ?? 0) + 1);
    return result === 1;
  };

  return {
    async answer(endpoint, only, query) {
      const checks = endpoint === "livez" ? live : ready;
      if (only !== undefined) {
        const one = checks.find(({ name }) => name === only);
        if (!one) return undefined;
        const isWell = await look(endpoint, one);
        return isWell ? { code: 200, body: "ok" } : { code: 500, body: "internal server error: reason withheld\n" };
      }
      const excluded = new Set(query.getAll("exclude"));
      const results = await Promise.all(
        checks.map(async (check) => ({
          name: check.name,
          isWell: excluded.has(check.name) ? undefined : await look(endpoint, check),
        })),
      );
      const lines = results.map(({ name, isWell }) => {
        if (isWell === undefined) return `[+]${name} excluded: ok`;
        return isWell ? `[+]${name} ok` : `[-]${name} failed: reason withheld`;
      });
      const strangers = [...excluded].filter((name) => !checks.some((check) => check.name === name));
      if (strangers.length > 0) {
        const quoted = strangers.map((name) => JSON.stringify(name)).join(", ");
        lines.push(`warn: some health checks cannot be excluded: no matches for ${quoted}`);
      }
      if (results.some(({ isWell }) => isWell === false))
        return { code: 500, body: `${[...lines, `${endpoint} check failed`].join("\n")}\n` };
      const body = query.has("verbose") ? `${[...lines, `${endpoint} check passed`].join("\n")}\n` : "ok";
      return { code: 200, body };
    },
    figures: () =>
      [
        "# HELP kubernetes_healthcheck The last result of a health check: 1 is success, 0 is an error.",
        "# TYPE kubernetes_healthcheck gauge",
        ...[...last].sort().map(([labels, value]) => `kubernetes_healthcheck{${labels}} ${value}`),
        "# HELP kubernetes_healthchecks_total Results of health checks.",
        "# TYPE kubernetes_healthchecks_total counter",
        ...[...counts].sort().map(([labels, value]) => `kubernetes_healthchecks_total{${labels}} ${value}`),
        "",
      ].join("\n"),
  };
}
