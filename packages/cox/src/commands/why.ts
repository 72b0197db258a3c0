// `cox why`: the causal chain behind the state of an object, from what daemons recorded; and what would help.
import { text } from "../args/common.ts";
import { UsageError } from "../args/flags.ts";
import type { Command } from "../command.ts";
import { CommandError } from "../failure.ts";
import { bold } from "../print/colour.ts";
import { collect } from "../resource/builder.ts";
import { answerText } from "../why/answer.ts";
import type { Answer } from "../why/answer.ts";
import { createFacts } from "../why/facts.ts";
import { why as explain, whyThisNode } from "../why/why.ts";

export const schedulerFlag = text(
  "Address of the scheduler's own port, where it is not 10259 on a machine with an API server.",
);

export const why: Command = {
  usage: "why (TYPE NAME | TYPE/NAME ...) [options]",
  summary: "Tell why an object is in the state it is in",
  description:
    "Tells why an object is in the state it is in: the chain of causes as daemons recorded them, who recorded each, and what would help.\n\nThe scheduler's record, with each node's numbers, is asked of the scheduler itself, which lets in who has a certificate; without it the words of the pod's condition are told.",
  examples: `
# A pod that does not start
cox why pod/web-1

# A deployment, a service, a node, a namespace that does not go
cox why deploy/web svc/web node/worker-1 ns/old

# For programs
cox why deploy/web -o json`,
  flags: {
    output: text("Output format. One of: (json). Text without it.", { short: "o" }),
    "scheduler-address": schedulerFlag,
  },
  run: async (session, args) => {
    const format = args.text("output");
    if (!["", "json", "text"].includes(format))
      throw new CommandError(
        `unable to match a printer suitable for the output format "${format}", allowed formats are: json,text`,
      );
    if (args.words.length === 0) throw new UsageError("expected 'why TYPE/NAME': what is to be explained?");
    const infos = await collect(session, args);
    const facts = createFacts(session, args.text("scheduler-address"));
    const answers: Answer[] = [];
    for (const { object } of infos) {
      const answer = await explain(facts, object);
      const placed = object.kind === "Pod" && !answer.trouble ? await whyThisNode(facts, object) : [];
      answers.push({ ...answer, because: [...answer.because, ...placed] });
    }
    if (format === "json")
      session.out.write(`${JSON.stringify(answers.length === 1 ? answers[0] : answers, null, 2)}\n`);
    else session.out.write(answers.map((answer) => answerText(answer, facts.now, bold(session))).join("\n"));
  },
};
