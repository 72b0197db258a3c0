// Alarms: what a member has raised stays raised for the whole cluster until it is taken back, through the log like everything else.
import type { AlarmMember, AlarmRequest } from "@coxswain/etcd-api";

export type AlarmType = "NOSPACE" | "CORRUPT";
export type Alarms = readonly AlarmMember[];

export function changeAlarms(
  alarms: Alarms,
  request: AlarmRequest,
): { readonly alarms: Alarms; readonly answered: Alarms } {
  const matches = (alarm: AlarmMember): boolean =>
    (request.alarm === "NONE" || alarm.alarm === request.alarm) &&
    (request.memberId === 0n || alarm.memberId === request.memberId);
  switch (request.action) {
    case "GET":
    case "UNRECOGNIZED":
      return { alarms, answered: alarms.filter((alarm) => request.alarm === "NONE" || alarm.alarm === request.alarm) };
    case "ACTIVATE": {
      if (request.alarm === "NONE") return { alarms, answered: [] };
      const raised = { memberId: request.memberId, alarm: request.alarm };
      const known = alarms.some((alarm) => alarm.memberId === raised.memberId && alarm.alarm === raised.alarm);
      return { alarms: known ? alarms : [...alarms, raised], answered: [raised] };
    }
    case "DEACTIVATE":
      return { alarms: alarms.filter((alarm) => !matches(alarm)), answered: alarms.filter(matches) };
  }
}

export function isRaised(alarms: Alarms, type: AlarmType): boolean {
  return alarms.some((alarm) => alarm.alarm === type);
}
