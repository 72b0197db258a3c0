// `cox label`: sets, changes and removes labels of objects on the server or in files.
import { bool, editingFlags, text } from "../args/common.ts";
import type { Command } from "../command.ts";
import { changeMetadata } from "../resource/metadata.ts";

export const label: Command = {
  usage:
    "label [--overwrite] (-f FILENAME | TYPE NAME) KEY_1=VAL_1 ... KEY_N=VAL_N [--resource-version=version] [options]",
  summary: "Update the labels on a resource",
  examples: `
# Give a pod a label
cox label pods foo unhealthy=true

# Change a label that is there
cox label --overwrite pods foo status=unhealthy

# Take a label away
cox label pods foo bar-`,
  flags: {
    ...editingFlags("kubectl-label"),
    overwrite: bool(
      "If true, allow labels to be overwritten, otherwise reject label updates that overwrite existing labels.",
    ),
    list: bool("If true, display the labels for a given resource."),
    "resource-version": text(
      "If non-empty, the labels update will only succeed if this is the current resource-version for the object.",
    ),
  },
  run: (session, args) => changeMetadata(session, args, "labels"),
};
