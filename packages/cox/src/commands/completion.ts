// `cox completion`: a script for a shell that asks `cox __complete` at each press of the key.
import { UsageError } from "../args/flags.ts";
import type { Command } from "../command.ts";
import { CommandError } from "../failure.ts";

export const completion: Command = {
  usage: "completion SHELL [options]",
  summary: "Output shell completion code for the specified shell (bash, zsh, fish)",
  description:
    "Writes a script that completes commands, flags, types, names, namespaces and containers. The names come from the cluster.",
  examples: `
# bash, now and in each new shell
source <(cox completion bash)
cox completion bash > ~/.local/share/bash-completion/completions/cox

# zsh
source <(cox completion zsh)

# fish
cox completion fish > ~/.config/fish/completions/cox.fish`,
  flags: {},
  run: (session, args) => {
    const [shell] = args.words;
    if (shell === undefined) throw new UsageError("Shell not specified.");
    if (args.words.length > 1) throw new UsageError("Too many arguments. Expected only the shell type.");
    const script = scripts[shell];
    if (script === undefined)
      throw new CommandError(`Unsupported shell type ${JSON.stringify(shell)}: bash, zsh and fish are known.`);
    session.out.write(script);
    return Promise.resolve();
  },
};

// A word that ends in "=", "/" or "," may go on: no blank is put behind it.
const scripts: Readonly<Record<string, string>> = {
  bash: `# Completion of cox for bash.
__cox_complete() {
  local line="\${COMP_LINE:0:COMP_POINT}"
  local -a words
  read -r -a words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  local last="\${words[\${#words[@]}-1]}" each prefix=""
  # Bash takes words apart at = and :, and wants only the last part.
  [[ $last == *=* && $COMP_WORDBREAKS == *=* ]] && prefix="\${last%"\${last##*=}"}"
  [[ $last == *:* && $COMP_WORDBREAKS == *:* ]] && prefix="\${last%"\${last##*:}"}"
  COMPREPLY=()
  while IFS= read -r each; do
    COMPREPLY+=("\${each#"$prefix"}")
    [[ $each == *[=/,:] ]] && compopt -o nospace
  done < <(cox __complete "\${words[@]:1}" 2>/dev/null)
  [[ \${#COMPREPLY[@]} -eq 0 ]] && compopt -o default
}
complete -F __cox_complete cox
`,
  zsh: `#compdef cox
__cox_complete() {
  local -a found open
  local each
  for each in "\${(@f)$(cox __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    [[ -z $each ]] && continue
    if [[ $each == *[=/,:] ]]; then open+=("$each"); else found+=("$each"); fi
  done
  (( \${#open} )) && compadd -S '' -- "\${open[@]}"
  (( \${#found} )) && compadd -- "\${found[@]}"
  (( \${#open} + \${#found} )) || _files
}
compdef __cox_complete cox
`,
  fish: `# Completion of cox for fish.
function __cox_complete
  set -l words (commandline -opc) (commandline -ct)
  cox __complete $words[2..-1] 2>/dev/null
end
complete -c cox -f -a '(__cox_complete)'
`,
};
