// Shows phases while they happen: a list that redraws on a terminal, plain lines elsewhere. Keeps the times for the end.

export interface Progress {
  /** Runs `work` as a phase; what it says with `note` is shown beside the phase's name. */
  phase<T>(name: string, work: (note: (text: string) => void) => Promise<T>): Promise<T>;
  /** A line of its own, above the running phases. */
  say(text: string): void;
  /** The finished phases in the order of their starts, with times since the first, in milliseconds. */
  timeline(): readonly PhaseRecord[];
}

export interface PhaseRecord {
  readonly name: string;
  readonly startedAtMs: number;
  readonly durationMs: number;
  readonly note: string;
}

interface Phase {
  readonly name: string;
  readonly startedAt: number;
  endedAt?: number;
  failed?: boolean;
  note: string;
}

export function createProgress(out: NodeJS.WriteStream): Progress {
  const phases: Phase[] = [];
  const origin = performance.now();
  const live = out.isTTY === true;
  let drawn = 0;

  const erase = (): void => {
    if (live && drawn > 0) out.write(`\x1b[${drawn}A\x1b[0J`);
    drawn = 0;
  };
  const draw = (): void => {
    if (!live) return;
    const running = phases.filter((phase) => phase.endedAt === undefined);
    const width = Math.max(20, (out.columns ?? 80) - 1);
    for (const phase of running) out.write(`${`  … ${describe(phase)}`.slice(0, width)}\n`);
    drawn = running.length;
  };
  const print = (line: string): void => {
    erase();
    out.write(`${line}\n`);
    draw();
  };

  return {
    async phase(name, work) {
      const phase: Phase = { name, startedAt: performance.now(), note: "" };
      phases.push(phase);
      erase();
      draw();
      const note = (text: string): void => {
        phase.note = text;
        erase();
        draw();
      };
      try {
        const result = await work(note);
        phase.endedAt = performance.now();
        print(`  ✓ ${describe(phase)}`);
        return result;
      } catch (error) {
        phase.endedAt = performance.now();
        phase.failed = true;
        print(`  ✗ ${describe(phase)}`);
        throw error;
      }
    },
    say: print,
    timeline: () =>
      phases
        .filter((phase) => phase.endedAt !== undefined && !phase.failed)
        .map((phase) => ({
          name: phase.name,
          startedAtMs: phase.startedAt - origin,
          durationMs: (phase.endedAt ?? phase.startedAt) - phase.startedAt,
          note: phase.note,
        })),
  };

  function describe(phase: Phase): string {
    const seconds = ((phase.endedAt ?? performance.now()) - phase.startedAt) / 1000;
    const time = phase.endedAt === undefined ? "" : `${seconds.toFixed(1)} s`.padStart(8);
    return `${phase.name.padEnd(28)}${time}${phase.note ? `  ${phase.note}` : ""}`.trimEnd();
  }
}
