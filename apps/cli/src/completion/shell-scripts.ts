// What each shell needs to ask `tako` what may stand next. The answers are complete.ts's; so a script never gets old.
// Pure text.

export const shells = ['bash', 'fish', 'zsh'] as const;
export type Shell = (typeof shells)[number];

/** `cut`: bash shows words only. Without an answer the shell completes files. */
const bash = `_tako() {
  local IFS=$'\\n'
  COMPREPLY=($(tako autocomplete --words -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | cut -f1))
}
complete -o default -F _tako tako
`;

const zsh = `#compdef tako
_tako() {
  local -a candidates
  local word description
  while IFS=$'\\t' read -r word description; do
    candidates+=("\${word//:/\\\\:}:\${description}")
  done < <(tako autocomplete --words -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  if (( \${#candidates} )); then
    _describe 'tako' candidates
  else
    _files
  fi
}
(( \${+functions[compdef]} )) || { autoload -Uz compinit && compinit -u }
compdef _tako tako
`;

const fish = `function __tako_words
    set -l words (commandline -opc) (commandline -ct)
    tako autocomplete --words -- $words[2..-1] 2>/dev/null
end
complete -c tako -f -a '(__tako_words)'
complete -c tako -s c -l config -r -F
`;

const scripts: Readonly<Record<Shell, string>> = { bash, fish, zsh };

export const shellScript = (shell: Shell): string => scripts[shell];

/** Where a person puts the line that reads the script. */
export const shellSetup: Readonly<Record<Shell, string>> = {
  bash: `echo 'source <(tako autocomplete bash)' >> ~/.bashrc`,
  zsh: `echo 'source <(tako autocomplete zsh)' >> ~/.zshrc`,
  fish: 'tako autocomplete fish > ~/.config/fish/completions/tako.fish',
};
