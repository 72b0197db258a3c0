// What stands before every method: a learner refuses nearly all, a client that insists on a leader (`hasleader`, as kube-apiserver's
// watches do) is told when there is none, and the caller is admitted (access.ts).
import type { Call, StreamCall } from "@coxswain/etcd-api";
import { admitted } from "./access.ts";
import type { Admission } from "./access.ts";
import { etcdError } from "./errors.ts";
import type { Served } from "./ports.ts";

type Gate = <Q, A>(
  serve: (served: Served, request: Q, call: Call) => A | Promise<A>,
  learnerServes?: (request: Q) => boolean,
) => (request: Q, call: Call) => A | Promise<A>;

/** A gate for each kind of caller a unary method may want. */
export function gates(served: Served): Readonly<Record<Admission, Gate>> {
  const gate =
    (admission: Admission): Gate =>
    (serve, learnerServes) =>
    (request, call) => {
      if (served.isLearner() && learnerServes?.(request) !== true) throw etcdError("learnerRefuses");
      if (call.metadata["hasleader"] === "true" && served.status().leader === undefined) throw etcdError("noLeader");
      return admitted(served, call, admission, (known) => serve(known, request, call));
    };
  return { anyone: gate("anyone"), user: gate("user"), root: gate("root") };
}

/** A stream: ends with `no leader` when its client insists on one and there has been none for a while. */
export async function withLeader(served: Served, call: Call, serve: () => Promise<void>): Promise<void> {
  if (served.isLearner()) throw etcdError("learnerRefuses");
  if (call.metadata["hasleader"] !== "true") return serve();
  if (served.status().leader === undefined) throw etcdError("noLeader");
  const lost = Promise.withResolvers<never>();
  const unsubscribe = served.onLeaderLost(() => lost.reject(etcdError("noLeader")));
  try {
    await Promise.race([serve(), lost.promise]);
  } finally {
    unsubscribe();
  }
}

/** A stream of one answer, whose request asks for permission itself. */
export function streamed<R>(
  served: Served,
  call: StreamCall<R>,
  serve: (served: Served) => Promise<void>,
): Promise<void> {
  return withLeader(served, call, async () => admitted(served, call, "anyone", serve));
}
