// What a flow schema's status says of the priority level that it names: whether there is one. The words are Kubernetes' own.
import type { FlowSchema, FlowSchemaCondition } from "@coxswain/api/flowcontrol/v1";

/** The schema with that condition; undefined when it says so already. */
export function withDangling(
  schema: FlowSchema,
  hasLevel: (name: string) => boolean,
  now: string,
): FlowSchema | undefined {
  const name = schema.spec?.priorityLevelConfiguration.name ?? "";
  const found = hasLevel(name);
  const what = `This FlowSchema references the PriorityLevelConfiguration object named ${JSON.stringify(name)}`;
  const said: FlowSchemaCondition = found
    ? { type: "Dangling", status: "False", reason: "Found", message: `${what} and it exists` }
    : { type: "Dangling", status: "True", reason: "NotFound", message: `${what} but there is no such object` };
  const conditions = schema.status?.conditions ?? [];
  const before = conditions.find(({ type }) => type === "Dangling");
  if (before?.status === said.status && before?.reason === said.reason && before?.message === said.message)
    return undefined;
  const lastTransitionTime = before?.status === said.status ? before?.lastTransitionTime : now;
  return {
    ...schema,
    status: {
      ...schema.status,
      conditions: [...conditions.filter(({ type }) => type !== "Dangling"), { ...said, lastTransitionTime }],
    },
  };
}
