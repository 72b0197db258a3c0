// The door of drill: what a recording is, and who judges it.
export { checkLinearizability } from "./checkers/linearizability.ts";
export type { LinearizabilityOptions } from "./checkers/linearizability.ts";
export type { Resolution } from "./checkers/linearizability/operations.ts";
export { resolveUnknown } from "./checkers/resolve.ts";
export { reconstructLog } from "./checkers/revision-log.ts";
export type { LoggedRevision, RevisionLog } from "./checkers/revision-log.ts";
export { checkRevisions } from "./checkers/revisions.ts";
export { checkStore } from "./checkers/store.ts";
export type { StoreCheckOptions } from "./checkers/store.ts";
export { worst } from "./checkers/verdict.ts";
export type { Verdict, Violation } from "./checkers/verdict.ts";
export { checkWatches } from "./checkers/watch.ts";
export { covers } from "./history.ts";
export type {
  CompactRequest,
  Compare,
  DeleteRequest,
  History,
  KeyRange,
  KeyValue,
  LeaseRequest,
  Operation,
  Outcome,
  PutRequest,
  RangeRequest,
  RangeResponse,
  Request,
  Response,
  TxnOperation,
  TxnOperationResponse,
  TxnRequest,
  TxnResponse,
  WatchEnd,
  WatchEvent,
  WatchRecord,
  WatchRequest,
  WatchResponse,
} from "./history.ts";
export { crashAllRepeatedly } from "./faults/crash.ts";
export { faults } from "./faults/catalogue.ts";
export type { Fault, FaultPorts } from "./faults/fault.ts";
export type { Members } from "./faults/members.ts";
export { startLoad } from "./load/load.ts";
export type { Load, LoadConfig, LoadPorts, Targets } from "./load/load.ts";
export { createRecorder } from "./load/recorder.ts";
export type { Recorder } from "./load/recorder.ts";
export type { Tapes } from "./load/tapes.ts";
export { under } from "./load/workload.ts";
export { describe as describeAction, undoAll } from "./cluster/action.ts";
export { unwell } from "./run/preflight.ts";
export type { Act, Action, DaemonName, Need } from "./cluster/action.ts";
export { hardships } from "./cluster/hardship.ts";
export type { Hardship } from "./cluster/hardship.ts";
export type { Target, TargetMachine } from "./cluster/target.ts";
export { removeCanary } from "./api-load/canary.ts";
export { drills, findDrill, suites } from "./drills/catalogue.ts";
export { paced } from "./drills/drill.ts";
export type { Drill, Pace } from "./drills/drill.ts";
export { judge } from "./run/judge.ts";
export { leftBehind, unhealed } from "./run/journal.ts";
export type { Journal, JournalEntry } from "./run/journal.ts";
export { paceOf } from "./run/pace.ts";
export { runDrill } from "./run/run.ts";
export type { RunConfig, RunPorts } from "./run/run.ts";
export { summarize } from "./report/summary.ts";
export type { Summary } from "./report/summary.ts";
export { htmlReport } from "./report/html.ts";
export { markdownReport } from "./report/markdown.ts";
export type { Recording } from "./recording.ts";
