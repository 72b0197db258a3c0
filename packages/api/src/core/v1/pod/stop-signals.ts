/** The signals a container may ask to be stopped with, in the order Kubernetes lists them. */
const plain = [
  "SIGABRT",
  "SIGALRM",
  "SIGBUS",
  "SIGCHLD",
  "SIGCLD",
  "SIGCONT",
  "SIGFPE",
  "SIGHUP",
  "SIGILL",
  "SIGINT",
  "SIGIO",
  "SIGIOT",
  "SIGKILL",
  "SIGPIPE",
  "SIGPOLL",
  "SIGPROF",
  "SIGPWR",
  "SIGQUIT",
];

const realTime = [
  "SIGRTMAX",
  ...Array.from({ length: 14 }, (_, index) => `SIGRTMAX-${index + 1}`),
  "SIGRTMIN",
  ...Array.from({ length: 15 }, (_, index) => `SIGRTMIN+${index + 1}`),
].sort();

const last = [
  "SIGSEGV",
  "SIGSTKFLT",
  "SIGSTOP",
  "SIGSYS",
  "SIGTERM",
  "SIGTRAP",
  "SIGTSTP",
  "SIGTTIN",
  "SIGTTOU",
  "SIGURG",
  "SIGUSR1",
  "SIGUSR2",
  "SIGVTALRM",
  "SIGWINCH",
  "SIGXCPU",
  "SIGXFSZ",
];

export const stopSignals: readonly string[] = [...plain, ...realTime, ...last];
